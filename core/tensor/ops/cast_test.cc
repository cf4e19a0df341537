#include "hoist/core/tensor/ops/cast.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/tensor/element_value.h"
#include "hoist/core/tensor/ops/cast_loops.h"
#include "hoist/core/tensor/ops/cpu_level.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

const DType kNarrowFloats[] = {
    DType::kFloat16,       DType::kBfloat16,       DType::kFloat8E4m3fn,
    DType::kFloat8E5m2,    DType::kFloat8E4m3fnuz, DType::kFloat8E5m2fnuz,
    DType::kFloat8E8m0fnu,
};

template <typename T>
std::vector<uint8_t> BytesOf(const std::vector<T>& elements) {
  std::vector<uint8_t> bytes(elements.size() * sizeof(T));
  std::memcpy(bytes.data(), elements.data(), bytes.size());
  return bytes;
}

template <typename T>
std::vector<T> ElementsOf(const std::vector<uint8_t>& bytes) {
  std::vector<T> elements(bytes.size() / sizeof(T));
  std::memcpy(elements.data(), bytes.data(), bytes.size());
  return elements;
}

std::vector<uint8_t> CastBytes(DType from, DType to,
                               const std::vector<uint8_t>& source) {
  std::vector<uint8_t> result(source.size() * 8 / DTypeBits(from) *
                              DTypeBits(to) / 8);
  HOIST_EXPECT_OK(Cast(from, source, to, absl::MakeSpan(result)));
  return result;
}

template <typename To, typename From>
std::vector<To> CastElements(DType from, DType to,
                             const std::vector<From>& source) {
  return ElementsOf<To>(CastBytes(from, to, BytesOf(source)));
}

// Every code of a dtype of 8 or 16 bits.
std::vector<uint8_t> AllCodes(DType dtype) {
  std::vector<uint8_t> bytes;
  for (int code = 0; code < 1 << DTypeBits(dtype); ++code) {
    bytes.push_back(static_cast<uint8_t>(code));
    if (DTypeBits(dtype) == 16) {
      bytes.push_back(static_cast<uint8_t>(code >> 8));
    }
  }
  return bytes;
}

double Value(DType dtype, const std::vector<uint8_t>& bytes, size_t index) {
  const ElementValue value =
      DecodeElement(dtype, &bytes[index * (DTypeBits(dtype) / 8)]);
  return std::visit(
      [](auto number) -> double {
        if constexpr (std::is_arithmetic_v<decltype(number)>) {
          return static_cast<double>(number);
        } else {
          return number.real();
        }
      },
      value);
}

// Rounds by searching among all the numbers of a format: an oracle that knows
// nothing of bits.
class NearestOf {
 public:
  explicit NearestOf(DType dtype) : dtype_(dtype) {
    const std::vector<uint8_t> codes = AllCodes(dtype);
    for (int code = 0; code < 1 << DTypeBits(dtype); ++code) {
      const double value = Value(dtype, codes, code);
      if (std::isfinite(value) && !std::signbit(value)) {
        numbers_.push_back(value);
      }
      has_infinity_ |= std::isinf(value);
      has_negative_zero_ |= value == 0 && std::signbit(value);
    }
    // Their codes are their indices: so all these formats are made.
    EXPECT_TRUE(std::ranges::is_sorted(numbers_));
  }

  const std::vector<double>& numbers() const { return numbers_; }

  double Round(double value) const {
    if (dtype_ == DType::kFloat8E8m0fnu) {
      return std::isinf(value) ? kNan : Magnitude(std::abs(value));
    }
    if (std::isnan(value)) {
      return kNan;
    }
    const double magnitude = Magnitude(std::abs(value));
    return magnitude == 0 && !has_negative_zero_
               ? 0
               : std::copysign(magnitude, value);
  }

 private:
  double Magnitude(double value) const {
    if (std::isnan(value)) {
      return kNan;
    }
    const double max = numbers_.back();
    // The number that would follow.
    const double next = dtype_ == DType::kFloat8E8m0fnu
                            ? 2 * max
                            : 2 * max - numbers_[numbers_.size() - 2];
    const auto above =
        std::upper_bound(numbers_.begin(), numbers_.end(), value);
    if (above == numbers_.begin()) {
      return numbers_.front();
    }
    const double low = above[-1];
    const double high = above == numbers_.end() ? next : *above;
    const double middle = (low + high) / 2;
    const bool low_is_even = (above - numbers_.begin() - 1) % 2 == 0;
    bool take_low = value < middle || (value == middle && low_is_even);
    if (dtype_ == DType::kFloat8E8m0fnu) {
      take_low = low == numbers_.front() ? value == low : value < middle;
    }
    if (take_low) {
      return low;
    }
    return high <= max ? high : has_infinity_ ? kInfinity : kNan;
  }

  DType dtype_;
  std::vector<double> numbers_;
  bool has_infinity_ = false;
  bool has_negative_zero_ = false;
};

bool IsSame(double a, double b) {
  return std::isnan(a) ? std::isnan(b)
                       : a == b && std::signbit(a) == std::signbit(b);
}

// Everything around which the rounding to a format changes, many random
// numbers, and the special ones.
std::vector<float> InterestingFloats(const NearestOf& format) {
  std::vector<float> values = {
      0, kInfinity, kNan, 1e-45f, 1e-40f, 3e38f, std::bit_cast<float>(1u)};
  const auto add_around = [&](double value) {
    auto bits = std::bit_cast<uint32_t>(static_cast<float>(value));
    for (uint32_t i = bits < 3 ? 0 : bits - 3; i <= bits + 3; ++i) {
      values.push_back(std::bit_cast<float>(i));
    }
  };
  for (size_t i = 0; i < format.numbers().size(); ++i) {
    const double number = format.numbers()[i];
    add_around(number);
    add_around(i == 0 ? number / 2 : (number + format.numbers()[i - 1]) / 2);
  }
  const double max = format.numbers().back();
  add_around(max + (max - format.numbers()[format.numbers().size() - 2]) / 2);
  add_around(2 * max);
  std::mt19937 random(1);
  for (int i = 0; i < 200000; ++i) {
    values.push_back(std::bit_cast<float>(static_cast<uint32_t>(random())));
  }
  const size_t size = values.size();
  for (size_t i = 0; i < size; ++i) {
    values.push_back(-values[i]);
  }
  return values;
}

TEST(CastTest, RoundsFloat32ToTheNearestOfEveryFormat) {
  for (const DType to : kNarrowFloats) {
    const NearestOf nearest(to);
    const std::vector<float> values = InterestingFloats(nearest);
    const std::vector<uint8_t> result =
        CastBytes(DType::kFloat32, to, BytesOf(values));
    for (size_t i = 0; i < values.size(); ++i) {
      ASSERT_TRUE(IsSame(Value(to, result, i), nearest.Round(values[i])))
          << values[i] << " to " << DTypeName(to) << " became "
          << Value(to, result, i);
    }
  }
}

// The 65,536 and 256 codes of all floats to all floats.
TEST(CastTest, EveryCodeOfANarrowFloatToEveryFloat) {
  for (const DType from : kNarrowFloats) {
    const std::vector<uint8_t> codes = AllCodes(from);
    const size_t count = codes.size() * 8 / DTypeBits(from);
    for (const DType to : kNarrowFloats) {
      if (from == to) {
        continue;
      }
      const NearestOf nearest(to);
      const std::vector<uint8_t> result = CastBytes(from, to, codes);
      for (size_t i = 0; i < count; ++i) {
        ASSERT_TRUE(
            IsSame(Value(to, result, i), nearest.Round(Value(from, codes, i))))
            << DTypeName(from) << " code " << i << " to " << DTypeName(to);
      }
    }
    for (const DType to : {DType::kFloat32, DType::kFloat64}) {
      const std::vector<uint8_t> wide = CastBytes(from, to, codes);
      for (size_t i = 0; i < count; ++i) {
        ASSERT_TRUE(IsSame(Value(to, wide, i), Value(from, codes, i)))
            << DTypeName(from) << " code " << i << " to " << DTypeName(to);
      }
      // And back: the same code, but for NaN's.
      const std::vector<uint8_t> back = CastBytes(to, from, wide);
      for (size_t i = 0; i < count; ++i) {
        ASSERT_TRUE(IsSame(Value(from, back, i), Value(from, codes, i)));
      }
    }
  }
}

TEST(CastTest, Float64GoesToNarrowFloatsByWayOfFloat32) {
  // Just above the middle of 1 and its neighbour: nearer to that, but a float32
  // of the middle, which is even.
  const std::vector<double> values = {
      1 + std::ldexp(1, -8) + std::ldexp(1, -40), 1e300, -1e-300};
  EXPECT_THAT(CastElements<uint16_t>(DType::kFloat64, DType::kBfloat16, values),
              ElementsAre(0x3F80, 0x7F80, 0x8000));
  EXPECT_THAT(CastElements<float>(DType::kFloat64, DType::kFloat32, values),
              ElementsAre(1 + std::ldexp(1.0f, -8), kInfinity, -0.0f));
}

template <typename T>
void ExpectTruncation(DType to) {
  const double low = static_cast<double>(std::numeric_limits<T>::min());
  const double end = std::ldexp(1.0, std::numeric_limits<T>::digits);
  std::vector<double> values = {
      0,   -0.0,  0.5,     -0.5,      0.999,      -0.999, 1.5,   2.5,
      127, 100.7, -1,      kInfinity, -kInfinity, kNan,   1e300, -1e300,
      low, end,   low - 1, low / 2,   end / 2,    end - 1};
  for (const double value : {low, end}) {
    values.push_back(std::nextafter(value, kInfinity));
    values.push_back(std::nextafter(value, -kInfinity));
    values.push_back(std::nextafter(static_cast<float>(value), kInfinity));
    values.push_back(std::nextafter(static_cast<float>(value), -kInfinity));
  }
  std::vector<T> expected;
  std::vector<float> floats;
  std::vector<T> expected_of_floats;
  const auto truncated = [&](double value) {
    if (std::isnan(value)) return T{0};
    if (value >= end) return std::numeric_limits<T>::max();
    if (value <= low) return std::numeric_limits<T>::min();
    return static_cast<T>(std::trunc(value));
  };
  for (const double value : values) {
    expected.push_back(truncated(value));
    floats.push_back(static_cast<float>(value));
    expected_of_floats.push_back(truncated(floats.back()));
  }
  EXPECT_EQ(CastElements<T>(DType::kFloat64, to, values), expected)
      << DTypeName(to);
  EXPECT_EQ(CastElements<T>(DType::kFloat32, to, floats), expected_of_floats)
      << DTypeName(to);
}

TEST(CastTest, FloatsToIntegersAreTruncatedAndSaturate) {
  ExpectTruncation<uint8_t>(DType::kUint8);
  ExpectTruncation<int8_t>(DType::kInt8);
  ExpectTruncation<int16_t>(DType::kInt16);
  ExpectTruncation<int32_t>(DType::kInt32);
  ExpectTruncation<int64_t>(DType::kInt64);
  ExpectTruncation<uint16_t>(DType::kUint16);
  ExpectTruncation<uint32_t>(DType::kUint32);
  ExpectTruncation<uint64_t>(DType::kUint64);
  // Of the narrow floats as of float32.
  EXPECT_THAT(CastElements<int8_t>(
                  DType::kBfloat16, DType::kInt8,
                  std::vector<uint16_t>{0xC2F7, 0x7F80, 0x7FC0, 0xC348}),
              ElementsAre(-123, 127, 0, -128));
  EXPECT_THAT(CastElements<int32_t>(DType::kFloat8E4m3fn, DType::kInt32,
                                    std::vector<uint8_t>{0x7E, 0xFE, 0x7F}),
              ElementsAre(448, -448, 0));
}

TEST(CastTest, IntegersToIntegersKeepTheLowBits) {
  const std::vector<int64_t> values = {
      0, 1, -1, 255, 256, 65537, 1 << 31, -(int64_t{5} << 32)};
  EXPECT_THAT(CastElements<uint8_t>(DType::kInt64, DType::kUint8, values),
              ElementsAre(0, 1, 255, 255, 0, 1, 0, 0));
  EXPECT_THAT(CastElements<int16_t>(DType::kInt64, DType::kInt16, values),
              ElementsAre(0, 1, -1, 255, 256, 1, 0, 0));
  EXPECT_THAT(
      CastElements<uint64_t>(DType::kInt64, DType::kUint64, values),
      ElementsAre(0, 1, ~uint64_t{0}, 255, 256, 65537, 0xFFFFFFFF80000000,
                  ~uint64_t{0} * (uint64_t{5} << 32)));
  EXPECT_THAT(CastElements<int64_t>(DType::kInt8, DType::kInt64,
                                    std::vector<int8_t>{-128, 127}),
              ElementsAre(-128, 127));
  EXPECT_THAT(CastElements<int64_t>(DType::kUint32, DType::kInt64,
                                    std::vector<uint32_t>{0xFFFFFFFF}),
              ElementsAre(0xFFFFFFFF));
}

TEST(CastTest, IntegersToFloatsAreRounded) {
  // 2^24 + 1 and + 3 are the middles of their neighbours in float32.
  EXPECT_THAT(CastElements<float>(DType::kInt32, DType::kFloat32,
                                  std::vector<int32_t>{16777217, 16777219, -7}),
              ElementsAre(16777216, 16777220, -7));
  EXPECT_THAT(CastElements<double>(
                  DType::kInt64, DType::kFloat64,
                  std::vector<int64_t>{(int64_t{1} << 53) + 1,
                                       std::numeric_limits<int64_t>::min()}),
              ElementsAre(std::ldexp(1, 53), -std::ldexp(1, 63)));
  EXPECT_THAT(CastElements<float>(DType::kUint64, DType::kFloat32,
                                  std::vector<uint64_t>{~uint64_t{0}, 3}),
              ElementsAre(std::ldexp(1.0f, 64), 3));
  EXPECT_THAT(CastElements<uint16_t>(DType::kInt32, DType::kFloat16,
                                     std::vector<int32_t>{65519, 65520, -1}),
              ElementsAre(0x7BFF, 0x7C00, 0xBC00));
  EXPECT_THAT(CastElements<uint8_t>(DType::kInt16, DType::kFloat8E4m3fn,
                                    std::vector<int16_t>{464, 465, -1}),
              ElementsAre(0x7E, 0x7F, 0xB8));
}

TEST(CastTest, BoolIsWhetherItIsNotZero) {
  EXPECT_THAT(CastElements<uint8_t>(
                  DType::kFloat32, DType::kBool,
                  std::vector<float>{0, -0.0f, 1e-45f, -2, kNan, kInfinity}),
              ElementsAre(0, 0, 1, 1, 1, 1));
  EXPECT_THAT(CastElements<uint8_t>(DType::kInt64, DType::kBool,
                                    std::vector<int64_t>{0, 256, -1}),
              ElementsAre(0, 1, 1));
  EXPECT_THAT(CastElements<uint8_t>(DType::kFloat64, DType::kBool,
                                    std::vector<double>{0, 1e-300}),
              ElementsAre(0, 1));
  // A byte of a file may be other than 0 and 1.
  EXPECT_THAT(CastElements<float>(DType::kBool, DType::kFloat32,
                                  std::vector<uint8_t>{0, 1, 2, 128, 255}),
              ElementsAre(0, 1, 1, 1, 1));
  EXPECT_THAT(CastElements<uint8_t>(DType::kBool, DType::kFloat8E8m0fnu,
                                    std::vector<uint8_t>{0, 1}),
              ElementsAre(0, 127));
}

// Of all pairs: the loops of all instruction sets give the same bytes, whatever
// the address and the number of elements, and write no byte too many.
TEST(CastTest, EveryLevelAlignmentAndLengthGivesTheSame) {
  std::mt19937_64 random(1);
  std::vector<uint8_t> source(8 * 300);
  for (uint8_t& byte : source) byte = static_cast<uint8_t>(random());
  int pairs = 0;
  for (const DType from : AllDTypes()) {
    for (const DType to : AllDTypes()) {
      if (!CanCast(from, to)) {
        continue;
      }
      ++pairs;
      const size_t from_bytes = DTypeBits(from) / 8;
      const size_t to_bytes = DTypeBits(to) / 8;
      // One element at a time.
      std::vector<uint8_t> expected(300 * to_bytes);
      for (size_t i = 0; i < 300; ++i) {
        FindCastLoop<CpuLevel::kBaseline>(from, to)(&source[i * from_bytes],
                                                    &expected[i * to_bytes], 1);
      }
      for (const CpuLevel level : SupportedCpuLevels()) {
        for (const size_t shift : {0, 1, 3}) {
          for (const size_t count : {1, 31, 64, 299}) {
            std::vector<uint8_t> shifted(shift + count * from_bytes);
            std::memcpy(&shifted[shift], source.data(), count * from_bytes);
            std::vector<uint8_t> result(shift + count * to_bytes + 1, 0xA5);
            HOIST_AT_CPU_LEVEL(level, FindCastLoop)
            (from, to)(&shifted[shift], &result[shift], count);
            ASSERT_EQ(
                std::memcmp(&result[shift], expected.data(), count * to_bytes),
                0)
                << DTypeName(from) << " to " << DTypeName(to) << " at level "
                << static_cast<int>(level);
            ASSERT_EQ(result.back(), 0xA5);
          }
        }
      }
    }
  }
  EXPECT_EQ(pairs, 18 * 18);
}

TEST(CastTest, MuchAtOnceGivesTheSameAsItsParts) {
  constexpr size_t kCount = (size_t{4} << 20) + 1021;
  std::vector<float> elements(kCount);
  std::minstd_rand random;
  for (float& element : elements) {
    element = static_cast<float>(random()) / 1e6F - 1000;
  }
  const std::vector<uint8_t> source = BytesOf(elements);
  for (const DType to : {DType::kBfloat16, DType::kFloat64}) {
    const size_t to_bytes = DTypeBits(to) / 8;
    std::vector<uint8_t> whole(kCount * to_bytes + 2, 0xEE);
    const absl::Span<uint8_t> out =
        absl::MakeSpan(whole).subspan(1, kCount * to_bytes);  // not aligned
    HOIST_ASSERT_OK(Cast(DType::kFloat32, source, to, out));
    std::vector<uint8_t> parts(whole.size(), 0xEE);
    constexpr size_t kPart = 10'007;
    for (size_t i = 0; i < kCount; i += kPart) {
      const size_t size = std::min(kPart, kCount - i);
      HOIST_ASSERT_OK(Cast(
          DType::kFloat32, absl::MakeSpan(source).subspan(i * 4, size * 4), to,
          absl::MakeSpan(parts).subspan(1 + i * to_bytes, size * to_bytes)));
    }
    EXPECT_TRUE(whole == parts) << DTypeName(to);
  }
}

TEST(CastTest, TheSameDTypeIsCopied) {
  const std::vector<uint8_t> bytes = {0xFF, 0x7F, 0x01, 0x7F};  // NaN, NaN
  EXPECT_EQ(CastBytes(DType::kBfloat16, DType::kBfloat16, bytes), bytes);
}

TEST(CastTest, RefusesOtherDTypesAndWrongSizes) {
  EXPECT_FALSE(CanCast(DType::kComplex64, DType::kFloat32));
  EXPECT_FALSE(CanCast(DType::kFloat32, DType::kQint8));
  EXPECT_FALSE(CanCast(DType::kFloat4E2m1fnX2, DType::kFloat32));
  std::vector<uint8_t> bytes(16);
  std::vector<uint8_t> result(16);
  EXPECT_THAT(
      Cast(DType::kFloat6E2m3, bytes, DType::kFloat32, absl::MakeSpan(result)),
      StatusIs(absl::StatusCode::kUnimplemented,
               HasSubstr("float6_e2m3 cannot be cast to float32")));
  for (const size_t size : {0, 4, 7, 9, 10, 16}) {
    EXPECT_THAT(Cast(DType::kFloat32, bytes, DType::kBfloat16,
                     absl::MakeSpan(result).first(size)),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("not of as many elements")));
  }
  EXPECT_THAT(Cast(DType::kFloat32, absl::MakeSpan(bytes).first(15),
                   DType::kBfloat16, absl::MakeSpan(result).first(6)),
              StatusIs(absl::StatusCode::kInvalidArgument));
  HOIST_EXPECT_OK(Cast(DType::kFloat32, {}, DType::kBfloat16, {}));
}

}  // namespace
}  // namespace hoist
