#include "hoist/core/tensor/ops/crc32c.h"

#include <isa-l/crc.h>

#include <cstddef>

#include "hoist/core/tensor/ops/crc32c_element.h"

namespace hoist {

uint32_t Crc32c(absl::Span<const uint8_t> bytes, uint32_t before) {
  // ISA-L takes an int for the length, and for constant bytes variable ones.
  constexpr size_t kMaxBytes = size_t{1} << 30;
  uint32_t crc = ~before;
  while (!bytes.empty()) {
    const absl::Span<const uint8_t> part =
        bytes.first(bytes.size() < kMaxBytes ? bytes.size() : kMaxBytes);
    crc = crc32_iscsi(const_cast<uint8_t*>(part.data()),
                      static_cast<int>(part.size()), crc);
    bytes.remove_prefix(part.size());
  }
  return ~crc;
}

uint32_t CombineCrc32c(uint32_t first, uint32_t second,
                       uint64_t second_size_bytes) {
  return Crc32cMultiply(Crc32cOfZeros(second_size_bytes), first) ^ second;
}

}  // namespace hoist
