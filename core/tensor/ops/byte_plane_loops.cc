// Compiled once for each CpuLevel.

#include "hoist/core/tensor/ops/byte_plane_loops.h"

#include "hoist/core/tensor/ops/byte_plane_element.h"

namespace hoist {
namespace {

template <typename T>
void JoinAll(const uint8_t* __restrict planes, uint8_t* __restrict elements,
             size_t count) {
  for (size_t i = 0; i < count; ++i) {
    const T element = BytePlaneElement<T>()(planes, count, i);
    __builtin_memcpy(elements + i * sizeof(T), &element, sizeof(T));
  }
}

}  // namespace

template <>
void BytePlaneLoop<CpuLevel::HOIST_CPU_LEVEL>(const uint8_t* planes,
                                              uint8_t* elements, size_t count,
                                              int element_bytes) {
  switch (element_bytes) {
    case 2:
      return JoinAll<uint16_t>(planes, elements, count);
    case 4:
      return JoinAll<uint32_t>(planes, elements, count);
    default:
      return JoinAll<uint64_t>(planes, elements, count);
  }
}

}  // namespace hoist
