#include "hoist/core/tensor/ops/crc32c.h"

#include <isa-l/crc.h>

#include <array>
#include <cstddef>

#include "hoist/core/tensor/ops/crc32c_element.h"

namespace hoist {
namespace {

// What 2^i zero bytes multiply a CRC by.
constexpr std::array<uint32_t, 64> kOfZeros = [] {
  std::array<uint32_t, 64> powers = {};
  powers[0] = Crc32cOfZeros(1);
  for (size_t i = 1; i < powers.size(); ++i) {
    powers[i] = Crc32cMultiply(powers[i - 1], powers[i - 1]);
  }
  return powers;
}();

}  // namespace

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
  for (size_t i = 0; i < kOfZeros.size(); ++i) {
    if ((second_size_bytes >> i & 1) != 0) {
      first = Crc32cMultiply(kOfZeros[i], first);
    }
  }
  return first ^ second;
}

}  // namespace hoist
