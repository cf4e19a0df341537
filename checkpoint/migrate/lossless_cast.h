#ifndef HOIST_CHECKPOINT_MIGRATE_LOSSLESS_CAST_H_
#define HOIST_CHECKPOINT_MIGRATE_LOSSLESS_CAST_H_

#include "hoist/core/tensor/dtype.h"

namespace hoist {

// Whether `to` has every number of `from`, as float32 has those of float16:
// Cast() to it and back gives them back. Of NaN the bits may be others.
// Thread-safe.
bool IsLosslessCast(DType from, DType to);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_MIGRATE_LOSSLESS_CAST_H_
