#include "hoist/checkpoint/load/cast_numbers.h"

#include <cstddef>
#include <cstring>

#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/ops/cast.h"
#include "hoist/core/tensor/ops/scan.h"

namespace hoist {
namespace {

// From the smallest range of finite numbers to the largest.
int RangeRank(DType dtype) {
  switch (dtype) {
    case DType::kFloat16:
      return 0;
    case DType::kBfloat16:
      return 1;
    case DType::kFloat32:
      return 2;
    default:
      return 3;
  }
}

// Whether the bits of `kExponent` are all set in some element.
template <typename Bits, Bits kExponent>
bool HasExponent(absl::Span<const uint8_t> bytes) {
  // Parts that are looked at to their end, without a branch.
  constexpr size_t kPart = 4096;
  const size_t count = bytes.size() / sizeof(Bits);
  for (size_t begin = 0; begin < count; begin += kPart) {
    const size_t end = count - begin < kPart ? count : begin + kPart;
    Bits found = 0;
    for (size_t i = begin; i < end; ++i) {
      Bits bits;
      std::memcpy(&bits, bytes.data() + i * sizeof(Bits), sizeof(Bits));
      found |= (bits & kExponent) == kExponent ? 1 : 0;
    }
    if (found != 0) {
      return true;
    }
  }
  return false;
}

// Infinity and NaN.
bool HasNonFinite(DType dtype, absl::Span<const uint8_t> bytes) {
  switch (dtype) {
    case DType::kFloat16:
      return HasExponent<uint16_t, 0x7C00>(bytes);
    case DType::kBfloat16:
      return HasExponent<uint16_t, 0x7F80>(bytes);
    default:
      return HasExponent<uint32_t, 0x7F800000>(bytes);
  }
}

}  // namespace

absl::StatusOr<CastLosses> CastNumbers(const StorageCast& cast,
                                       absl::Span<const uint8_t> source,
                                       absl::Span<uint8_t> destination) {
  HOIST_RETURN_IF_ERROR(Cast(cast.from, source, cast.to, destination));
  CastLosses losses;
  if (RangeRank(cast.to) >= RangeRank(cast.from) ||
      !HasNonFinite(cast.to, destination)) {
    return losses;
  }
  HOIST_ASSIGN_OR_RETURN(const ScanResult before, Scan(cast.from, source));
  HOIST_ASSIGN_OR_RETURN(const ScanResult after, Scan(cast.to, destination));
  losses.infinite_count = after.infinity_count - before.infinity_count;
  losses.nan_count = after.nan_count;
  return losses;
}

}  // namespace hoist
