#ifndef HOIST_CORE_TENSOR_OPS_BYTE_PLANE_LOOPS_H_
#define HOIST_CORE_TENSOR_OPS_BYTE_PLANE_LOOPS_H_

#include <cstddef>
#include <cstdint>

#include "hoist/core/tensor/ops/cpu_level.h"

namespace hoist {

// JoinBytePlanes() of `count` elements of 2, 4 or 8 bytes, for a machine of
// `kLevel`. Thread-safe. Internal to core/tensor/ops/.
template <CpuLevel kLevel>
void BytePlaneLoop(const uint8_t* planes, uint8_t* elements, size_t count,
                   int element_bytes);

HOIST_DECLARE_CPU_LEVELS(void BytePlaneLoop,
                         (const uint8_t* planes, uint8_t* elements,
                          size_t count, int element_bytes));

}  // namespace hoist

#endif  // HOIST_CORE_TENSOR_OPS_BYTE_PLANE_LOOPS_H_
