#ifndef HOIST_CORE_TENSOR_OPS_SMALL_FLOAT_16_H_
#define HOIST_CORE_TENSOR_OPS_SMALL_FLOAT_16_H_

#include <cstdint>

#include "hoist/core/tensor/ops/host_device.h"
#include "hoist/core/tensor/ops/small_float.h"

namespace hoist {

// Conversions between floats of 8 and of 16 bits that need no more than 16 bits
// on the way, so that vectors hold twice as many as by way of float32. They
// give the same codes. Thread-safe.

// Whether WidenSmallFloat() has an exact result for every code of 8 bits: the
// smallest number is a normal one in `to`, or the exponents are the same.
constexpr bool CanWiden(SmallFloat from, SmallFloat to) {
  return from.bias == to.bias ? from.exponent_bits == to.exponent_bits
                              : from.bias + from.mantissa_bits <= to.bias;
}

// The loops below are recursions, since compilers vectorise no loop with
// another in it.
namespace small_float_internal {

// Bits of a result that are to be rounded away: as many as a number needs that
// is half the smallest subnormal one.
inline constexpr int kFraction = 9;

// Of a code without its sign, the code in `kTo`: `result`, or one of kTop or a
// later place of the highest bit that is set in a subnormal's fraction. The
// last is that of normal numbers.
template <SmallFloat kFrom, SmallFloat kTo, int kTop = 0>
HOIST_HOST_DEVICE uint16_t Rebias(uint16_t magnitude, uint16_t result) {
  if constexpr (kTop > kFrom.mantissa_bits) {
    return result;
  } else {
    constexpr auto kRebias = static_cast<uint16_t>(
        (kTo.bias - kFrom.bias - kFrom.mantissa_bits + kTop)
        << kTo.mantissa_bits);
    const auto scaled = static_cast<uint16_t>(
        static_cast<uint16_t>(magnitude << (kTo.mantissa_bits - kTop)) +
        kRebias);
    return Rebias<kFrom, kTo, kTop + 1>(
        magnitude, magnitude >= 1 << kTop ? scaled : result);
  }
}

// With `place`, the magnitude of a bfloat16 less that of half the smallest
// subnormal of `kTo`, at most that of its smallest normal number: the code and
// its kFraction bits, exact. Where the exponent changes, so does the slope, and
// always to twice as much, so that it is the largest of the straight lines.
template <SmallFloat kTo, int kSlope = 1>
HOIST_HOST_DEVICE int16_t LargestLine(int16_t place) {
  const auto line = static_cast<int16_t>(static_cast<int16_t>(place << kSlope) +
                                         (2 - kSlope) * (128 << kSlope));
  if constexpr (kSlope > kTo.mantissa_bits) {
    return line;
  } else {
    const int16_t rest = LargestLine<kTo, kSlope + 1>(place);
    return line > rest ? line : rest;
  }
}

}  // namespace small_float_internal

// The code in `kTo`, of 16 bits, of a code of 8 bits.
template <SmallFloat kFrom, SmallFloat kTo>
requires(CanWiden(kFrom, kTo)) HOIST_HOST_DEVICE uint16_t
    WidenSmallFloat(uint8_t code) {
  constexpr int kShift = kTo.mantissa_bits - kFrom.mantissa_bits;
  constexpr uint16_t kInfinity = ((1 << kTo.exponent_bits) - 1)
                                 << kTo.mantissa_bits;
  constexpr uint16_t kNan = kInfinity | 1 << (kTo.mantissa_bits - 1);
  const uint16_t magnitude = code & 0x7F;
  const uint16_t sign = static_cast<uint16_t>((code & 0x80) << 8);
  uint16_t result = static_cast<uint16_t>(magnitude << kShift);
  if constexpr (kFrom.bias != kTo.bias) {
    result = small_float_internal::Rebias<kFrom, kTo>(magnitude, 0);
  }
  if constexpr (kFrom.specials == SmallFloatSpecials::kIeee) {
    constexpr uint16_t kFromInfinity = ((1 << kFrom.exponent_bits) - 1)
                                       << kFrom.mantissa_bits;
    result = magnitude == kFromInfinity ? kInfinity : result;
    result = magnitude > kFromInfinity ? kNan : result;
  } else if constexpr (kFrom.specials == SmallFloatSpecials::kOnlyNan) {
    result = magnitude == 0x7F ? kNan : result;
  } else {
    result = code == 0x80 ? kNan : result;
  }
  return sign | result;
}

// Whether NarrowBfloat16() may be used: with a code for what is too large.
constexpr bool CanNarrow(SmallFloat to) {
  return to.exponent_bits + to.mantissa_bits == 7 &&
         to.specials != SmallFloatSpecials::kUnsignedZero;
}

// Encodes the bfloat16 `stored` in a format of 8 bits.
template <SmallFloat kTo>
requires(CanNarrow(kTo)) HOIST_HOST_DEVICE uint8_t
    NarrowBfloat16(uint16_t stored) {
  constexpr bool kIsIeee = kTo.specials == SmallFloatSpecials::kIeee;
  constexpr uint16_t kInfinity = ((1 << kTo.exponent_bits) - 1)
                                 << kTo.mantissa_bits;
  // What is too large, and NaN of a format without infinity.
  constexpr uint16_t kOverflow = kIsIeee ? kInfinity : 0x7F;
  constexpr int kShift = 7 - kTo.mantissa_bits;
  // From half the smallest number, which is rounded to 0, to kOverflow.
  constexpr uint16_t kLow = (127 - kTo.bias - kTo.mantissa_bits) << 7;
  constexpr uint16_t kHigh = (kOverflow << kShift) + ((127 - kTo.bias) << 7);
  constexpr uint16_t kNormal = (kTo.mantissa_bits + 1) << 7;
  const uint16_t magnitude = stored & 0x7FFF;
  const uint16_t at_least = magnitude > kLow ? magnitude : kLow;
  const auto place =
      static_cast<uint16_t>((at_least < kHigh ? at_least : kHigh) - kLow);
  const uint16_t below_normal = place < kNormal ? place : kNormal;
  // The code and the bits to be rounded away.
  constexpr int kFraction = small_float_internal::kFraction;
  const auto exact = static_cast<uint16_t>(
      static_cast<uint16_t>(small_float_internal::LargestLine<kTo>(
          static_cast<int16_t>(below_normal))) +
      static_cast<uint16_t>(static_cast<uint16_t>(place - below_normal)
                            << (kFraction - kShift)));
  const uint16_t odd = exact >> kFraction & 1;
  uint16_t code =
      static_cast<uint16_t>(exact + ((1 << (kFraction - 1)) - 1) + odd) >>
      kFraction;
  if constexpr (kIsIeee) {
    constexpr uint16_t kNan = kInfinity | 1 << (kTo.mantissa_bits - 1);
    code = magnitude > 0x7F80 ? kNan : code;
  }
  return static_cast<uint8_t>((stored >> 8 & 0x80) | code);
}

}  // namespace hoist

#endif  // HOIST_CORE_TENSOR_OPS_SMALL_FLOAT_16_H_
