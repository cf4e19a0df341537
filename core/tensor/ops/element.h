#ifndef HOIST_CORE_TENSOR_OPS_ELEMENT_H_
#define HOIST_CORE_TENSOR_OPS_ELEMENT_H_

#include <cstdint>
#include <type_traits>

#include "hoist/core/tensor/dtype.h"
#include "hoist/core/tensor/ops/host_device.h"
#include "hoist/core/tensor/ops/small_float.h"

namespace hoist {

// What the operations know of an element type, for every real number type of
// 8 to 64 bits:
//
//   Element<DType::kBfloat16>::Stored         how it lies in memory: uint16_t
//   Element<DType::kBfloat16>::Decode(stored) its value: a float
//   Element<DType::kBfloat16>::Encode(value)  what is stored for any value
//
// Decode is exact. Encode is what cast.h says of casts. Thread-safe.
template <DType kDType>
struct Element;

// Whether Element is defined.
constexpr bool HasElement(DType dtype) {
  return dtype <= DType::kFloat64 ||
         (dtype >= DType::kFloat8E4m3fn && dtype <= DType::kFloat8E8m0fnu);
}

// `value` without its fraction; the nearest T where it is out of range, 0 for
// NaN.
template <typename T, typename Float>
HOIST_HOST_DEVICE T Truncate(Float value) {
  // By hand: device code cannot call std::numeric_limits.
  constexpr T kMin =
      std::is_signed_v<T>
          ? static_cast<T>(std::make_unsigned_t<T>{1} << (8 * sizeof(T) - 1))
          : T{0};
  constexpr T kMax = static_cast<T>(~kMin);
  constexpr Float kLow = static_cast<Float>(kMin);
  constexpr Float kEnd = static_cast<Float>(kMax / 2 + 1) * 2;  // exact
  // Of 8 and 16 bits by way of what CPUs convert to.
  using Wide = std::conditional_t<sizeof(T) < 4, int32_t, T>;
  const Float inside = value >= kLow && value < kEnd ? value : Float{0};
  auto result = static_cast<Wide>(inside);
  result = value >= kEnd ? kMax : result;
  result = value < kLow ? kMin : result;
  return static_cast<T>(result);
}

template <typename T>
struct NumberElement {
  using Stored = T;
  static HOIST_HOST_DEVICE T Decode(T stored) { return stored; }
  template <typename Value>
  static HOIST_HOST_DEVICE T Encode(Value value) {
    if constexpr (std::is_integral_v<T> && std::is_floating_point_v<Value>) {
      return Truncate<T>(value);
    } else {
      return static_cast<T>(value);
    }
  }
};

struct BoolElement {
  using Stored = uint8_t;
  static HOIST_HOST_DEVICE uint8_t Decode(uint8_t stored) {
    // Whether a bit is set, as one that compilers vectorise conversions of.
    return static_cast<uint8_t>(stored | (0u - stored)) >> 7;
  }
  template <typename Value>
  static HOIST_HOST_DEVICE uint8_t Encode(Value value) {
    return value != 0 ? 1 : 0;
  }
};

template <SmallFloat kFormatOf, typename StoredT>
struct SmallFloatElement {
  using Stored = StoredT;
  static constexpr SmallFloat kFormat = kFormatOf;
  static HOIST_HOST_DEVICE float Decode(Stored stored) {
    return DecodeSmallFloat<kFormat>(stored);
  }
  template <typename Value>
  static HOIST_HOST_DEVICE Stored Encode(Value value) {
    return static_cast<Stored>(
        EncodeSmallFloat<kFormat>(static_cast<float>(value)));
  }
};

// The upper half of a float.
struct Bfloat16Element {
  using Stored = uint16_t;
  static constexpr SmallFloat kFormat = kBfloat16Format;
  static HOIST_HOST_DEVICE float Decode(uint16_t stored) {
    return FloatFromBits(static_cast<uint32_t>(stored) << 16);
  }
  template <typename Value>
  static HOIST_HOST_DEVICE uint16_t Encode(Value value) {
    const uint32_t bits = FloatBits(static_cast<float>(value));
    const uint32_t rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
    const uint32_t nan = (bits >> 16 & 0x8000) | 0x7FC0;
    return static_cast<uint16_t>((bits & 0x7FFFFFFF) > 0x7F800000 ? nan
                                                                  : rounded);
  }
};

// A power of two and no sign: the exponent of a float, 255 for NaN.
struct E8m0Element {
  using Stored = uint8_t;
  static HOIST_HOST_DEVICE float Decode(uint8_t stored) {
    const uint32_t exponent = stored;
    uint32_t bits = exponent << 23;
    bits = exponent == 0 ? 0x00400000 : bits;
    return FloatFromBits(exponent == 255 ? 0x7FC00000 : bits);
  }
  template <typename Value>
  static HOIST_HOST_DEVICE uint8_t Encode(Value value) {
    const uint32_t bits = FloatBits(static_cast<float>(value)) & 0x7FFFFFFF;
    const uint32_t exponent = bits >> 23;
    const uint32_t fraction = bits & 0x7FFFFF;
    // From the middle up; a subnormal number of the middle is a power itself.
    const uint32_t middle = exponent == 0 ? 0x400001 : 0x400000;
    const uint32_t rounded = exponent + (fraction >= middle ? 1 : 0);
    return static_cast<uint8_t>(exponent == 255 ? 255 : rounded);
  }
};

template <>
struct Element<DType::kBool> : BoolElement {};
template <>
struct Element<DType::kUint8> : NumberElement<uint8_t> {};
template <>
struct Element<DType::kInt8> : NumberElement<int8_t> {};
template <>
struct Element<DType::kInt16> : NumberElement<int16_t> {};
template <>
struct Element<DType::kInt32> : NumberElement<int32_t> {};
template <>
struct Element<DType::kInt64> : NumberElement<int64_t> {};
template <>
struct Element<DType::kUint16> : NumberElement<uint16_t> {};
template <>
struct Element<DType::kUint32> : NumberElement<uint32_t> {};
template <>
struct Element<DType::kUint64> : NumberElement<uint64_t> {};
template <>
struct Element<DType::kFloat16> : SmallFloatElement<kFloat16Format, uint16_t> {
};
template <>
struct Element<DType::kBfloat16> : Bfloat16Element {};
template <>
struct Element<DType::kFloat32> : NumberElement<float> {};
template <>
struct Element<DType::kFloat64> : NumberElement<double> {};
template <>
struct Element<DType::kFloat8E4m3fn>
    : SmallFloatElement<kE4m3fnFormat, uint8_t> {};
template <>
struct Element<DType::kFloat8E5m2> : SmallFloatElement<kE5m2Format, uint8_t> {};
template <>
struct Element<DType::kFloat8E4m3fnuz>
    : SmallFloatElement<kE4m3fnuzFormat, uint8_t> {};
template <>
struct Element<DType::kFloat8E5m2fnuz>
    : SmallFloatElement<kE5m2fnuzFormat, uint8_t> {};
template <>
struct Element<DType::kFloat8E8m0fnu> : E8m0Element {};

}  // namespace hoist

#endif  // HOIST_CORE_TENSOR_OPS_ELEMENT_H_
