// Compiled once for each CpuLevel.

#include "hoist/core/tensor/ops/byte_swap_loops.h"

#include "hoist/core/tensor/ops/byte_swap_element.h"

namespace hoist {
namespace {

template <typename T>
void SwapAll(uint8_t* bytes, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    T element;
    __builtin_memcpy(&element, bytes + i * sizeof(T), sizeof(T));
    element = ByteSwapElement()(element);
    __builtin_memcpy(bytes + i * sizeof(T), &element, sizeof(T));
  }
}

}  // namespace

template <>
void ByteSwapLoop<CpuLevel::HOIST_CPU_LEVEL>(uint8_t* bytes, size_t count,
                                             int element_bytes) {
  switch (element_bytes) {
    case 2:
      return SwapAll<uint16_t>(bytes, count);
    case 4:
      return SwapAll<uint32_t>(bytes, count);
    default:
      return SwapAll<uint64_t>(bytes, count);
  }
}

}  // namespace hoist
