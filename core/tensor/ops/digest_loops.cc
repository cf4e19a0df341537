// Compiled once for each CpuLevel.

#include "hoist/core/tensor/ops/digest_loops.h"

#include "hoist/core/tensor/ops/digest_element.h"

namespace hoist {

template <>
uint64_t DigestLoop<CpuLevel::HOIST_CPU_LEVEL>(const uint8_t* bytes,
                                               size_t words,
                                               uint64_t first_word) {
  uint64_t sum = 0;
  for (size_t i = 0; i < words; ++i) {
    uint64_t word;
    __builtin_memcpy(&word, bytes + i * 8, 8);
    sum += DigestElement()(word, first_word + i);
  }
  return sum;
}

}  // namespace hoist
