#include "hoist/checkpoint/load/byte_order.h"

#include <cstring>

#include "hoist/core/base/check.h"

namespace hoist {
namespace {

// memcpy for each element: vectorised, and right at any address.
template <typename T, T (*kSwap)(T)>
void ReverseEach(absl::Span<uint8_t> bytes) {
  HOIST_CHECK(bytes.size() % sizeof(T) == 0);
  for (size_t i = 0; i < bytes.size(); i += sizeof(T)) {
    T value;
    std::memcpy(&value, &bytes[i], sizeof(T));
    value = kSwap(value);
    std::memcpy(&bytes[i], &value, sizeof(T));
  }
}

uint16_t Swap16(uint16_t value) { return __builtin_bswap16(value); }
uint32_t Swap32(uint32_t value) { return __builtin_bswap32(value); }
uint64_t Swap64(uint64_t value) { return __builtin_bswap64(value); }

}  // namespace

void ReverseByteOrder(absl::Span<uint8_t> bytes, int width_bytes) {
  switch (width_bytes) {
    case 1:
      return;
    case 2:
      return ReverseEach<uint16_t, Swap16>(bytes);
    case 4:
      return ReverseEach<uint32_t, Swap32>(bytes);
    case 8:
      return ReverseEach<uint64_t, Swap64>(bytes);
    default:
      HOIST_CHECK(false);
  }
}

}  // namespace hoist
