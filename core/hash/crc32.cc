#include "hoist/core/hash/crc32.h"

#include <zlib.h>

#include <limits>

#include "hoist/core/hash/crc32_implementations.h"

namespace hoist {

uint32_t Crc32(absl::Span<const uint8_t> bytes, uint32_t before) {
  return Crc32Implementations().front().crc32(bytes, before);
}

uint32_t CombineCrc32(uint32_t first, uint32_t second,
                      uint64_t second_size_bytes) {
  static_assert(sizeof(z_off_t) == sizeof(int64_t));
  // Zero bytes change a CRC with period 2^32 - 1, so that sizes which are
  // negative to zlib have a smaller equal.
  constexpr uint64_t kPeriod = std::numeric_limits<uint32_t>::max();
  if (second_size_bytes > std::numeric_limits<int64_t>::max()) {
    second_size_bytes = second_size_bytes % kPeriod + kPeriod;
  }
  return static_cast<uint32_t>(
      crc32_combine(first, second, static_cast<z_off_t>(second_size_bytes)));
}

}  // namespace hoist
