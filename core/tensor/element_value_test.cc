#include "hoist/core/tensor/element_value.h"

#include <cmath>
#include <limits>
#include <vector>

#include "gtest/gtest.h"

namespace hoist {
namespace {

ElementValue ValueOf(DType dtype, std::vector<uint8_t> bytes) {
  EXPECT_EQ(bytes.size(), static_cast<size_t>(DTypeBits(dtype) / 8));
  return DecodeElement(dtype, bytes.data());
}

double Number(DType dtype, std::vector<uint8_t> bytes) {
  return std::get<double>(ValueOf(dtype, std::move(bytes)));
}

TEST(ElementValueTest, Integers) {
  EXPECT_EQ(ValueOf(DType::kBool, {2}), ElementValue(true));
  EXPECT_EQ(ValueOf(DType::kBool, {0}), ElementValue(false));
  EXPECT_EQ(ValueOf(DType::kInt8, {0x80}), ElementValue(int64_t{-128}));
  EXPECT_EQ(ValueOf(DType::kQint8, {0xff}), ElementValue(int64_t{-1}));
  EXPECT_EQ(ValueOf(DType::kInt16, {0x01, 0x80}),
            ElementValue(int64_t{-32767}));
  EXPECT_EQ(ValueOf(DType::kInt32, {0xfe, 0xff, 0xff, 0xff}),
            ElementValue(int64_t{-2}));
  EXPECT_EQ(ValueOf(DType::kInt64, {0, 0, 0, 0, 0, 0, 0, 0x80}),
            ElementValue(std::numeric_limits<int64_t>::min()));
  EXPECT_EQ(ValueOf(DType::kUint8, {0xff}), ElementValue(uint64_t{255}));
  EXPECT_EQ(ValueOf(DType::kUint16, {1, 2}), ElementValue(uint64_t{0x0201}));
  EXPECT_EQ(ValueOf(DType::kUint32, {0, 0, 0, 0x80}),
            ElementValue(uint64_t{1} << 31));
  EXPECT_EQ(
      ValueOf(DType::kUint64, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}),
      ElementValue(std::numeric_limits<uint64_t>::max()));
  EXPECT_EQ(ValueOf(DType::kBits16, {1, 2}), ElementValue(uint64_t{0x0201}));
  EXPECT_EQ(ValueOf(DType::kFloat4E2m1fnX2, {0xa7}),
            ElementValue(uint64_t{0xa7}));
}

TEST(ElementValueTest, OfANarrowIntegerTheLowBitsCount) {
  EXPECT_EQ(ValueOf(DType::kUint3, {0xfd}), ElementValue(uint64_t{5}));
  EXPECT_EQ(ValueOf(DType::kInt3, {0xfd}), ElementValue(int64_t{-3}));
  EXPECT_EQ(ValueOf(DType::kInt3, {0x03}), ElementValue(int64_t{3}));
  EXPECT_EQ(ValueOf(DType::kInt1, {0x01}), ElementValue(int64_t{-1}));
  EXPECT_EQ(ValueOf(DType::kUint7, {0xff}), ElementValue(uint64_t{127}));
}

TEST(ElementValueTest, Floats) {
  EXPECT_EQ(Number(DType::kFloat16, {0x00, 0x3c}), 1.0);
  EXPECT_EQ(Number(DType::kFloat16, {0xff, 0x7b}), 65504.0);
  EXPECT_EQ(Number(DType::kFloat16, {0x01, 0x80}), -std::ldexp(1.0, -24));
  EXPECT_EQ(Number(DType::kFloat16, {0x00, 0xfc}), -INFINITY);
  EXPECT_TRUE(std::isnan(Number(DType::kFloat16, {0x01, 0x7c})));
  EXPECT_TRUE(std::signbit(Number(DType::kFloat16, {0x00, 0x80})));
  EXPECT_EQ(Number(DType::kBfloat16, {0x20, 0xc1}), -10.0);
  EXPECT_EQ(Number(DType::kFloat32, {0, 0, 0x80, 0x3f}), 1.0);
  EXPECT_EQ(Number(DType::kFloat64, {0, 0, 0, 0, 0, 0, 0xf0, 0xbf}), -1.0);
}

TEST(ElementValueTest, FloatsOfEightBits) {
  // Largest, smallest and special codes, as the formats define them.
  EXPECT_EQ(Number(DType::kFloat8E4m3fn, {0x7e}), 448.0);
  EXPECT_TRUE(std::isnan(Number(DType::kFloat8E4m3fn, {0xff})));
  EXPECT_EQ(Number(DType::kFloat8E4m3fn, {0x81}), -std::ldexp(1.0, -9));
  EXPECT_EQ(Number(DType::kFloat8E5m2, {0x7b}), 57344.0);
  EXPECT_EQ(Number(DType::kFloat8E5m2, {0xfc}), -INFINITY);
  EXPECT_TRUE(std::isnan(Number(DType::kFloat8E5m2, {0x7d})));
  EXPECT_EQ(Number(DType::kFloat8E4m3fnuz, {0x7f}), 240.0);
  EXPECT_TRUE(std::isnan(Number(DType::kFloat8E4m3fnuz, {0x80})));
  EXPECT_EQ(Number(DType::kFloat8E5m2fnuz, {0x7f}), 57344.0);
  EXPECT_TRUE(std::isnan(Number(DType::kFloat8E5m2fnuz, {0x80})));
  EXPECT_EQ(Number(DType::kFloat8E8m0fnu, {0x00}), std::ldexp(1.0, -127));
  EXPECT_EQ(Number(DType::kFloat8E8m0fnu, {0xfe}), std::ldexp(1.0, 127));
  EXPECT_TRUE(std::isnan(Number(DType::kFloat8E8m0fnu, {0xff})));
}

TEST(ElementValueTest, ComplexNumbersHaveTheRealPartFirst) {
  EXPECT_EQ(ValueOf(DType::kComplex32, {0x00, 0x3c, 0x00, 0xc0}),
            ElementValue(std::complex<double>(1, -2)));
  EXPECT_EQ(ValueOf(DType::kComplex64, {0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0}),
            ElementValue(std::complex<double>(1, -2)));
}

TEST(ElementValueTest, EveryDTypeHasOneUnlessItIsPacked) {
  const std::vector<uint8_t> zeros(16, 0);
  for (const DType dtype : AllDTypes()) {
    const bool is_packed =
        dtype == DType::kFloat6E2m3 || dtype == DType::kFloat6E3m2;
    EXPECT_EQ(HasElementValues(dtype), !is_packed) << DTypeName(dtype);
    if (!is_packed) {
      const ElementValue value = DecodeElement(dtype, zeros.data());
      EXPECT_EQ(IsComplex(dtype),
                std::holds_alternative<std::complex<double>>(value))
          << DTypeName(dtype);
    }
  }
}

}  // namespace
}  // namespace hoist
