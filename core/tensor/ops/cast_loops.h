#ifndef HOIST_CORE_TENSOR_OPS_CAST_LOOPS_H_
#define HOIST_CORE_TENSOR_OPS_CAST_LOOPS_H_

#include <cstddef>
#include <cstdint>

#include "hoist/core/tensor/dtype.h"
#include "hoist/core/tensor/ops/cpu_level.h"

namespace hoist {

// Casts `count` elements one after the other. Neither need be aligned; they do
// not overlap.
using CastLoop = void (*)(const uint8_t* source, uint8_t* destination,
                          size_t count);

// The loop for a machine of `kLevel`; null where there is none. Thread-safe.
// Internal to core/tensor/ops/.
template <CpuLevel kLevel>
CastLoop FindCastLoop(DType from, DType to);

HOIST_DECLARE_CPU_LEVELS(CastLoop FindCastLoop, (DType from, DType to));

}  // namespace hoist

#endif  // HOIST_CORE_TENSOR_OPS_CAST_LOOPS_H_
