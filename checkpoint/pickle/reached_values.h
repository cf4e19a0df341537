#ifndef HOIST_CHECKPOINT_PICKLE_REACHED_VALUES_H_
#define HOIST_CHECKPOINT_PICKLE_REACHED_VALUES_H_

#include <cstdint>
#include <vector>

#include "hoist/checkpoint/catalog/value.h"

namespace hoist {

// How often each value of `graph`, by its id, is referred to by those that can
// be reached from `root`: as an item, a type or a state; the root once more. 0
// for what cannot be reached. Linear in time, whatever is inside of what.
// Thread-safe.
std::vector<uint32_t> ReachedValues(const ValueGraph& graph, ValueId root);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_PICKLE_REACHED_VALUES_H_
