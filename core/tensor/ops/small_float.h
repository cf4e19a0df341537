#ifndef HOIST_CORE_TENSOR_OPS_SMALL_FLOAT_H_
#define HOIST_CORE_TENSOR_OPS_SMALL_FLOAT_H_

#include <cstdint>

#include "hoist/core/tensor/ops/host_device.h"

namespace hoist {

// What the codes with the highest exponent, or with only the sign set, mean.
enum class SmallFloatSpecials {
  kIeee,          // infinities and NaNs
  kOnlyNan,       // NaN where all bits but the sign are set; no infinities
  kUnsignedZero,  // NaN in the place of -0; no infinities
};

// A binary float format of at most 16 bits: sign, exponent, mantissa.
struct SmallFloat {
  int exponent_bits;
  int mantissa_bits;
  int bias;
  SmallFloatSpecials specials = SmallFloatSpecials::kIeee;
};

inline constexpr SmallFloat kFloat16Format = {5, 10, 15};
inline constexpr SmallFloat kBfloat16Format = {8, 7, 127};
inline constexpr SmallFloat kE5m2Format = {5, 2, 15};
inline constexpr SmallFloat kE4m3fnFormat = {4, 3, 7,
                                             SmallFloatSpecials::kOnlyNan};
inline constexpr SmallFloat kE4m3fnuzFormat = {
    4, 3, 8, SmallFloatSpecials::kUnsignedZero};
inline constexpr SmallFloat kE5m2fnuzFormat = {
    5, 2, 16, SmallFloatSpecials::kUnsignedZero};

HOIST_HOST_DEVICE uint32_t FloatBits(float value) {
  return __builtin_bit_cast(uint32_t, value);
}

HOIST_HOST_DEVICE float FloatFromBits(uint32_t bits) {
  return __builtin_bit_cast(float, bits);
}

// The value of a code, exact. Integer arithmetic without branches: the same
// bits on every machine, and compilers vectorise it. Thread-safe, like all
// here.
template <SmallFloat kFormat>
HOIST_HOST_DEVICE float DecodeSmallFloat(uint32_t code) {
  constexpr int kSignBit = kFormat.exponent_bits + kFormat.mantissa_bits;
  constexpr int kShift = 23 - kFormat.mantissa_bits;
  constexpr uint32_t kInfinityBits = 0x7F800000;
  constexpr uint32_t kNanBits = 0x7FC00000;
  const uint32_t magnitude = code & ((1u << kSignBit) - 1);
  const uint32_t sign = code >> kSignBit << 31;
  const uint32_t shifted = magnitude << kShift;
  // Of an exponent of 0 the fraction alone: that of 1, less the implied 1.
  constexpr uint32_t kSmallestNormal = static_cast<uint32_t>(128 - kFormat.bias)
                                       << 23;
  const uint32_t subnormal =
      FloatBits(FloatFromBits(shifted + kSmallestNormal) -
                FloatFromBits(kSmallestNormal));
  const uint32_t normal =
      shifted + (static_cast<uint32_t>(127 - kFormat.bias) << 23);
  uint32_t bits = magnitude >> kFormat.mantissa_bits == 0 ? subnormal : normal;
  if constexpr (kFormat.specials == SmallFloatSpecials::kIeee) {
    constexpr uint32_t kInfinity = ((1u << kFormat.exponent_bits) - 1)
                                   << kFormat.mantissa_bits;
    bits = magnitude >= kInfinity ? shifted | kInfinityBits : bits;
  } else if constexpr (kFormat.specials == SmallFloatSpecials::kOnlyNan) {
    bits = magnitude == (1u << kSignBit) - 1 ? kNanBits : bits;
  } else {
    bits = code == 1u << kSignBit ? kNanBits : bits;
  }
  return FloatFromBits(sign | bits);
}

// The code nearest to `value`, of two equally near the even one. What rounds
// to more than the largest finite number becomes infinity, or NaN in a format
// without. NaN stays NaN, of one code.
template <SmallFloat kFormat>
HOIST_HOST_DEVICE uint32_t EncodeSmallFloat(float value) {
  constexpr int kSignBit = kFormat.exponent_bits + kFormat.mantissa_bits;
  constexpr int kShift = 23 - kFormat.mantissa_bits;
  constexpr bool kIsIeee = kFormat.specials == SmallFloatSpecials::kIeee;
  constexpr bool kIsUnsignedZero =
      kFormat.specials == SmallFloatSpecials::kUnsignedZero;
  constexpr uint32_t kAllOnes = (1u << kSignBit) - 1;
  constexpr uint32_t kInfinity = ((1u << kFormat.exponent_bits) - 1)
                                 << kFormat.mantissa_bits;
  constexpr uint32_t kMaxFinite = kIsIeee           ? kInfinity - 1
                                  : kIsUnsignedZero ? kAllOnes
                                                    : kAllOnes - 1;
  // Of IEEE the quiet NaN without payload.
  constexpr uint32_t kNan = kIsIeee
                                ? kInfinity | 1u << (kFormat.mantissa_bits - 1)
                            : kIsUnsignedZero ? 1u << kSignBit
                                              : kAllOnes;
  const uint32_t bits = FloatBits(value);
  const uint32_t magnitude = bits & 0x7FFFFFFF;
  const uint32_t sign = bits >> 31 << kSignBit;
  // Half a unit, less one where the kept part is even; carries may go into the
  // exponent.
  const uint32_t odd = magnitude >> kShift & 1;
  const uint32_t normal =
      (magnitude - (static_cast<uint32_t>(127 - kFormat.bias) << 23) +
       ((1u << (kShift - 1)) - 1) + odd) >>
      kShift;
  // A sum whose unit is the smallest subnormal: the addition rounds.
  constexpr uint32_t kRounder =
      static_cast<uint32_t>(128 - kFormat.bias + kShift) << 23;
  const uint32_t subnormal =
      FloatBits(FloatFromBits(magnitude) + FloatFromBits(kRounder)) - kRounder;
  uint32_t code = magnitude < static_cast<uint32_t>(128 - kFormat.bias) << 23
                      ? subnormal
                      : normal;
  code = code > kMaxFinite ? (kIsIeee ? kInfinity : kNan) : code;
  code = magnitude > 0x7F800000 ? kNan : code;
  if constexpr (kIsUnsignedZero) {
    return code == 0 || code == kNan ? code : sign | code;
  } else {
    return sign | code;
  }
}

}  // namespace hoist

#endif  // HOIST_CORE_TENSOR_OPS_SMALL_FLOAT_H_
