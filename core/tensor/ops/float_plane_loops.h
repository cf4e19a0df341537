#ifndef HOIST_CORE_TENSOR_OPS_FLOAT_PLANE_LOOPS_H_
#define HOIST_CORE_TENSOR_OPS_FLOAT_PLANE_LOOPS_H_

#include <cstddef>
#include <cstdint>

#include "hoist/core/tensor/ops/cpu_level.h"

namespace hoist {

// SplitFloatPlanes() and JoinFloatPlanes() of `count` floats of 2, 4 or 8
// bytes, for a machine of `kLevel`. Thread-safe. Internal to core/tensor/ops/.
template <CpuLevel kLevel>
void SplitFloatPlaneLoop(const uint8_t* floats, uint8_t* const* planes,
                         size_t count, int float_bytes);

template <CpuLevel kLevel>
void JoinFloatPlaneLoop(const uint8_t* const* planes, uint8_t* floats,
                        size_t count, int float_bytes);

HOIST_DECLARE_CPU_LEVELS(void SplitFloatPlaneLoop,
                         (const uint8_t* floats, uint8_t* const* planes,
                          size_t count, int float_bytes));
HOIST_DECLARE_CPU_LEVELS(void JoinFloatPlaneLoop,
                         (const uint8_t* const* planes, uint8_t* floats,
                          size_t count, int float_bytes));

}  // namespace hoist

#endif  // HOIST_CORE_TENSOR_OPS_FLOAT_PLANE_LOOPS_H_
