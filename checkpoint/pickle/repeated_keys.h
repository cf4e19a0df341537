#ifndef HOIST_CHECKPOINT_PICKLE_REPEATED_KEYS_H_
#define HOIST_CHECKPOINT_PICKLE_REPEATED_KEYS_H_

#include <cstddef>

#include "hoist/checkpoint/catalog/value.h"

namespace hoist {

// Gives a key that a dict has more than once its first place and its last
// value, as Python does: two readers must not see two different tensors under
// one name. Of the values from `first_value` on; keys of other kinds than text,
// bytes, numbers and None stay. Thread-compatible.
void RemoveRepeatedKeys(ValueGraph& graph, size_t first_value);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_PICKLE_REPEATED_KEYS_H_
