#include "hoist/core/tensor/element_value.h"

#include <bit>
#include <cmath>
#include <limits>

#include "hoist/core/base/check.h"
#include "hoist/core/base/endian.h"

namespace hoist {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// What the codes with the highest exponent, or with only the sign set, mean.
enum class Specials {
  kIeee,          // infinities and NaNs
  kOnlyNan,       // NaN where all bits but the sign are set; no infinities
  kUnsignedZero,  // NaN in the place of -0; no infinities
};

struct SmallFloat {
  int exponent_bits;
  int mantissa_bits;
  int bias;
  Specials specials = Specials::kIeee;
};

double Decode(const SmallFloat& format, uint32_t code) {
  const int sign_bit = format.exponent_bits + format.mantissa_bits;
  const uint32_t max_exponent = (1u << format.exponent_bits) - 1;
  const uint32_t max_mantissa = (1u << format.mantissa_bits) - 1;
  const bool is_negative = ((code >> sign_bit) & 1) != 0;
  const uint32_t exponent = (code >> format.mantissa_bits) & max_exponent;
  const uint32_t mantissa = code & max_mantissa;
  const double sign = is_negative ? -1.0 : 1.0;
  switch (format.specials) {
    case Specials::kIeee:
      if (exponent == max_exponent) {
        return mantissa == 0 ? sign * kInfinity : kNan;
      }
      break;
    case Specials::kOnlyNan:
      if (exponent == max_exponent && mantissa == max_mantissa) {
        return kNan;
      }
      break;
    case Specials::kUnsignedZero:
      if (is_negative && exponent == 0 && mantissa == 0) {
        return kNan;
      }
      break;
  }
  const bool is_subnormal = exponent == 0;
  const uint32_t significand =
      is_subnormal ? mantissa : mantissa + max_mantissa + 1;
  const int power = (is_subnormal ? 1 : static_cast<int>(exponent)) -
                    format.bias - format.mantissa_bits;
  return sign * std::ldexp(static_cast<double>(significand), power);
}

double Float16(const uint8_t* bytes) {
  return Decode({.exponent_bits = 5, .mantissa_bits = 10, .bias = 15},
                LoadLittleEndian<uint16_t>(bytes));
}

double Float32(const uint8_t* bytes) {
  return std::bit_cast<float>(LoadLittleEndian<uint32_t>(bytes));
}

double Float64(const uint8_t* bytes) {
  return std::bit_cast<double>(LoadLittleEndian<uint64_t>(bytes));
}

template <typename T>
ElementValue Signed(const uint8_t* bytes) {
  return int64_t{LoadLittleEndian<T>(bytes)};
}

template <typename T>
ElementValue Unsigned(const uint8_t* bytes) {
  return uint64_t{LoadLittleEndian<T>(bytes)};
}

ElementValue LowUnsigned(const uint8_t* bytes, int bits) {
  return uint64_t{*bytes} & ((uint64_t{1} << bits) - 1);
}

ElementValue LowSigned(const uint8_t* bytes, int bits) {
  const int64_t low = *bytes & ((1 << bits) - 1);
  return low >= (1 << (bits - 1)) ? low - (1 << bits) : low;
}

}  // namespace

bool HasElementValues(DType dtype) { return DTypeBits(dtype) % 8 == 0; }

ElementValue DecodeElement(DType dtype, const uint8_t* bytes) {
  switch (dtype) {
    case DType::kBool:
      return *bytes != 0;
    case DType::kInt8:
    case DType::kQint8:
      return Signed<int8_t>(bytes);
    case DType::kInt16:
      return Signed<int16_t>(bytes);
    case DType::kInt32:
    case DType::kQint32:
      return Signed<int32_t>(bytes);
    case DType::kInt64:
      return Signed<int64_t>(bytes);
    case DType::kUint8:
    case DType::kQuint8:
    case DType::kQuint4x2:
    case DType::kQuint2x4:
    case DType::kFloat4E2m1fnX2:
    case DType::kBits1x8:
    case DType::kBits2x4:
    case DType::kBits4x2:
    case DType::kBits8:
      return Unsigned<uint8_t>(bytes);
    case DType::kUint16:
    case DType::kBits16:
      return Unsigned<uint16_t>(bytes);
    case DType::kUint32:
      return Unsigned<uint32_t>(bytes);
    case DType::kUint64:
      return Unsigned<uint64_t>(bytes);
    case DType::kFloat16:
      return Float16(bytes);
    case DType::kBfloat16:
      return double{std::bit_cast<float>(
          uint32_t{LoadLittleEndian<uint16_t>(bytes)} << 16)};
    case DType::kFloat32:
      return Float32(bytes);
    case DType::kFloat64:
      return Float64(bytes);
    case DType::kComplex32:
      return std::complex<double>(Float16(bytes), Float16(bytes + 2));
    case DType::kComplex64:
      return std::complex<double>(Float32(bytes), Float32(bytes + 4));
    case DType::kComplex128:
      return std::complex<double>(Float64(bytes), Float64(bytes + 8));
    case DType::kFloat8E4m3fn:
      return Decode({4, 3, 7, Specials::kOnlyNan}, *bytes);
    case DType::kFloat8E5m2:
      return Decode({5, 2, 15, Specials::kIeee}, *bytes);
    case DType::kFloat8E4m3fnuz:
      return Decode({4, 3, 8, Specials::kUnsignedZero}, *bytes);
    case DType::kFloat8E5m2fnuz:
      return Decode({5, 2, 16, Specials::kUnsignedZero}, *bytes);
    case DType::kFloat8E8m0fnu:
      return *bytes == 0xff ? kNan : std::ldexp(1.0, *bytes - 127);
    case DType::kUint1:
      return LowUnsigned(bytes, 1);
    case DType::kUint2:
      return LowUnsigned(bytes, 2);
    case DType::kUint3:
      return LowUnsigned(bytes, 3);
    case DType::kUint4:
      return LowUnsigned(bytes, 4);
    case DType::kUint5:
      return LowUnsigned(bytes, 5);
    case DType::kUint6:
      return LowUnsigned(bytes, 6);
    case DType::kUint7:
      return LowUnsigned(bytes, 7);
    case DType::kInt1:
      return LowSigned(bytes, 1);
    case DType::kInt2:
      return LowSigned(bytes, 2);
    case DType::kInt3:
      return LowSigned(bytes, 3);
    case DType::kInt4:
      return LowSigned(bytes, 4);
    case DType::kInt5:
      return LowSigned(bytes, 5);
    case DType::kInt6:
      return LowSigned(bytes, 6);
    case DType::kInt7:
      return LowSigned(bytes, 7);
    case DType::kFloat6E2m3:
    case DType::kFloat6E3m2:
      break;
  }
  HOIST_CHECK(false);
}

}  // namespace hoist
