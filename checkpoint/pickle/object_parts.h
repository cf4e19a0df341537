#ifndef HOIST_CHECKPOINT_PICKLE_OBJECT_PARTS_H_
#define HOIST_CHECKPOINT_PICKLE_OBJECT_PARTS_H_

#include "hoist/checkpoint/catalog/value.h"
#include "hoist/checkpoint/pickle/pickle_parts.h"

namespace hoist {

// A collection, bytes, a complex number or an object, as Python pickles it for
// protocol 2 (specs: pytorch-formats.md 3.7): of a class that Hoist does not
// know by the call that it was made by. Thread-safe for different `parts`.
void AddObject(Value value, PickleParts& parts);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_PICKLE_OBJECT_PARTS_H_
