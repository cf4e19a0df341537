#ifndef HOIST_CORE_TENSOR_OPS_DEQUANTIZE_LOOPS_H_
#define HOIST_CORE_TENSOR_OPS_DEQUANTIZE_LOOPS_H_

#include <cstddef>
#include <cstdint>

#include "hoist/core/tensor/dtype.h"
#include "hoist/core/tensor/ops/cpu_level.h"

namespace hoist {

// Dequantises `count` elements of one block.
using DequantizeLoop = void (*)(const uint8_t* source, float scale,
                                uint8_t* destination, size_t count);

// The loop for a machine of `kLevel`, of dtypes that CheckQuantizedMatrix()
// accepts. Thread-safe. Internal to core/tensor/ops/.
template <CpuLevel kLevel>
DequantizeLoop FindDequantizeLoop(DType from, DType to);

HOIST_DECLARE_CPU_LEVELS(DequantizeLoop FindDequantizeLoop,
                         (DType from, DType to));

}  // namespace hoist

#endif  // HOIST_CORE_TENSOR_OPS_DEQUANTIZE_LOOPS_H_
