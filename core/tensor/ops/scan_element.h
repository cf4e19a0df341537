#ifndef HOIST_CORE_TENSOR_OPS_SCAN_ELEMENT_H_
#define HOIST_CORE_TENSOR_OPS_SCAN_ELEMENT_H_

#include <cstdint>

#include "hoist/core/tensor/ops/host_device.h"

namespace hoist {

// What a scan has seen so far, in a form that can be merged in any order. Plain
// data, also of kernels. Minimum and maximum are OrderedKey()s.
struct ScanTotals {
  uint64_t nan_count = 0;
  uint64_t infinity_count = 0;
  int64_t min_key = INT64_MAX;
  int64_t max_key = INT64_MIN;
  double finite_sum = 0;
};

// An integer for a float, so that the one is less where the other is, and -0 is
// less than 0; NaNs come before or behind all else. Thread-safe, like all here.
HOIST_HOST_DEVICE int32_t OrderedKey(float value) {
  const auto bits = __builtin_bit_cast(int32_t, value);
  return bits ^ (bits >> 31 & INT32_MAX);
}
HOIST_HOST_DEVICE int64_t OrderedKey(double value) {
  const auto bits = __builtin_bit_cast(int64_t, value);
  return bits ^ (bits >> 63 & INT64_MAX);
}
// The number for a key.
HOIST_HOST_DEVICE double OrderedValue(int64_t key) {
  return __builtin_bit_cast(double, key ^ (key >> 63 & INT64_MAX));
}

// The key of infinity; that of minus infinity is its complement.
template <typename Key>
inline constexpr Key kInfinityKey = 0x7F800000;
template <>
inline constexpr int64_t kInfinityKey<int64_t> = 0x7FF0000000000000;

// Most bins of a histogram.
inline constexpr int kMaxScanBins = 1024;

// Equally wide bins from `low` to `high`, the last of which has `high` too.
struct ScanBins {
  int count = 0;
  double low = 0;
  double high = 0;

  HOIST_HOST_DEVICE bool Contain(double value) const {
    return value >= low && value <= high;
  }
  // The bin of a value that they contain.
  HOIST_HOST_DEVICE int IndexOf(double value) const {
    const int index = static_cast<int>((value - low) * (count / (high - low)));
    return index < count ? index : count - 1;
  }
};

// Adds one number to the totals. The same code for the host and the device.
struct ScanElement {
  HOIST_HOST_DEVICE void operator()(double value, ScanTotals& totals) const {
    const int64_t key = OrderedKey(value);
    constexpr int64_t kInfinity = 0x7FF0000000000000;
    if (key > kInfinity || key < ~kInfinity) {
      ++totals.nan_count;
      return;
    }
    if (key == kInfinity || key == ~kInfinity) {
      ++totals.infinity_count;
    } else {
      totals.finite_sum += value;
    }
    totals.min_key = key < totals.min_key ? key : totals.min_key;
    totals.max_key = key > totals.max_key ? key : totals.max_key;
  }
};

}  // namespace hoist

#endif  // HOIST_CORE_TENSOR_OPS_SCAN_ELEMENT_H_
