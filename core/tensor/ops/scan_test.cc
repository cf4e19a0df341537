#include "hoist/core/tensor/ops/scan.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <type_traits>
#include <variant>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/tensor/element_value.h"
#include "hoist/core/tensor/ops/cpu_level.h"
#include "hoist/core/tensor/ops/element.h"
#include "hoist/core/tensor/ops/scan_loops.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::DoubleEq;
using ::testing::ElementsAre;
using ::testing::IsNan;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

template <typename T>
absl::StatusOr<ScanResult> ScanOf(DType dtype, std::vector<T> elements,
                                  const ScanBins& bins = {}) {
  return Scan(
      dtype,
      absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(elements.data()),
                          elements.size() * sizeof(T)),
      bins);
}

double Value(DType dtype, const uint8_t* bytes) {
  return std::visit(
      [](auto number) -> double {
        if constexpr (std::is_arithmetic_v<decltype(number)>) {
          return static_cast<double>(number);
        } else {
          return number.real();
        }
      },
      DecodeElement(dtype, bytes));
}

// One by one, in double.
ScanResult Naive(DType dtype, const std::vector<uint8_t>& bytes,
                 const ScanBins& bins) {
  ScanResult result;
  result.min = kInfinity;
  result.max = -kInfinity;
  result.histogram.resize(bins.count);
  double sum = 0;
  uint64_t finite = 0;
  for (size_t i = 0; i < bytes.size(); i += DTypeBits(dtype) / 8) {
    const double value = Value(dtype, &bytes[i]);
    ++result.count;
    if (std::isnan(value)) {
      ++result.nan_count;
      continue;
    }
    result.min = std::min(result.min, value);
    result.max = std::max(result.max, value);
    if (std::isinf(value)) {
      ++result.infinity_count;
      continue;
    }
    sum += value;
    ++finite;
    if (bins.count > 0 && value >= bins.low && value <= bins.high) {
      const auto bin = static_cast<size_t>((value - bins.low) /
                                           (bins.high - bins.low) * bins.count);
      ++result.histogram[std::min<size_t>(bin, bins.count - 1)];
    }
  }
  result.mean = sum / static_cast<double>(finite);
  return result;
}

TEST(ScanTest, CountsAndBounds) {
  HOIST_ASSERT_OK_AND_ASSIGN(
      const ScanResult result,
      ScanOf<float>(DType::kFloat32,
                    {1, -2, NAN, INFINITY, 4, -INFINITY, -NAN, 5, 0},
                    {.count = 4, .low = -2, .high = 5}));
  EXPECT_EQ(result.count, 9u);
  EXPECT_EQ(result.nan_count, 2u);
  EXPECT_EQ(result.infinity_count, 2u);
  EXPECT_EQ(result.min, -kInfinity);
  EXPECT_EQ(result.max, kInfinity);
  EXPECT_EQ(result.mean, 8.0 / 5);
  EXPECT_THAT(result.histogram, ElementsAre(1, 2, 0, 2));
}

TEST(ScanTest, BoundsOfFiniteNumbersAndOfIntegers) {
  HOIST_ASSERT_OK_AND_ASSIGN(ScanResult result,
                             ScanOf<float>(DType::kFloat32, {-3, NAN, -1.5f}));
  EXPECT_EQ(result.min, -3);
  EXPECT_EQ(result.max, -1.5);
  HOIST_ASSERT_OK_AND_ASSIGN(
      result, ScanOf<int64_t>(DType::kInt64, {-5, int64_t{1} << 40, 3}));
  EXPECT_EQ(result.min, -5);
  EXPECT_EQ(result.max, std::ldexp(1, 40));
  HOIST_ASSERT_OK_AND_ASSIGN(result,
                             ScanOf<uint8_t>(DType::kBool, {0, 1, 1, 0}));
  EXPECT_EQ(result.mean, 0.5);
}

TEST(ScanTest, WithoutNumbersThereIsNoMean) {
  for (const std::vector<float>& elements :
       {std::vector<float>{}, std::vector<float>{NAN, NAN}}) {
    HOIST_ASSERT_OK_AND_ASSIGN(const ScanResult result,
                               ScanOf(DType::kFloat32, elements));
    EXPECT_EQ(result.nan_count, elements.size());
    EXPECT_THAT(result.min, IsNan());
    EXPECT_THAT(result.max, IsNan());
    EXPECT_THAT(result.mean, IsNan());
  }
  HOIST_ASSERT_OK_AND_ASSIGN(const ScanResult result,
                             ScanOf<double>(DType::kFloat64, {kInfinity}));
  EXPECT_EQ(result.min, kInfinity);
  EXPECT_THAT(result.mean, IsNan());
}

// All codes of the narrow dtypes, random bytes of the others; all levels.
TEST(ScanTest, EqualsTheOracleForEveryDType) {
  std::mt19937_64 random(1);
  const ScanBins bins = {.count = 8, .low = -4, .high = 4};
  for (const DType dtype : AllDTypes()) {
    if (!HasElement(dtype)) {
      continue;
    }
    std::vector<uint8_t> bytes(2 * 65536 + 24);
    for (size_t i = 0; i < bytes.size(); ++i) {
      bytes[i] = DTypeBits(dtype) == 8 ? static_cast<uint8_t>(i)
                 : DTypeBits(dtype) == 16
                     ? static_cast<uint8_t>(i / 2 >> (i % 2 * 8))
                     : static_cast<uint8_t>(random());
      // No doubles whose sum is infinite.
      if (dtype == DType::kFloat64 && i % 8 == 7) bytes[i] &= 0xBF;
    }
    const ScanResult expected = Naive(dtype, bytes, bins);
    const size_t count = bytes.size() * 8 / DTypeBits(dtype);
    for (const CpuLevel level : SupportedCpuLevels()) {
      ScanTotals totals;
      std::vector<uint64_t> histogram(8);
      HOIST_AT_CPU_LEVEL(level, FindScanLoop)
      (dtype)(bytes.data(), count, bins, totals, histogram.data());
      const ScanResult result = MakeScanResult(count, totals, histogram);
      EXPECT_EQ(result.count, expected.count) << DTypeName(dtype);
      EXPECT_EQ(result.nan_count, expected.nan_count) << DTypeName(dtype);
      EXPECT_EQ(result.infinity_count, expected.infinity_count)
          << DTypeName(dtype);
      EXPECT_EQ(result.min, expected.min) << DTypeName(dtype);
      EXPECT_EQ(result.max, expected.max) << DTypeName(dtype);
      EXPECT_EQ(result.histogram, expected.histogram) << DTypeName(dtype);
      // The sums differ by rounding, in proportion to what was added.
      const double scale = std::min(
          std::max(std::abs(expected.max), std::abs(expected.min)), 1.7e308);
      EXPECT_NEAR(result.mean, expected.mean, scale * 1e-12)
          << DTypeName(dtype);
    }
  }
}

TEST(ScanTest, TheElementFunctorCountsTheSame) {
  ScanTotals totals;
  for (const double value : {1.0, -2.0, kNan, kInfinity, 4.0}) {
    ScanElement()(value, totals);
  }
  const ScanResult result = MakeScanResult(5, totals, {});
  EXPECT_EQ(result.nan_count, 1u);
  EXPECT_EQ(result.infinity_count, 1u);
  EXPECT_EQ(result.min, -2);
  EXPECT_EQ(result.max, kInfinity);
  EXPECT_THAT(result.mean, DoubleEq(1));
}

TEST(ScanTest, RefusesOtherDTypesSizesAndBins) {
  const auto code = [](const absl::StatusOr<ScanResult>& result) {
    return result.status().code();
  };
  EXPECT_EQ(code(ScanOf<float>(DType::kComplex64, {1, 2})),
            absl::StatusCode::kUnimplemented);
  EXPECT_EQ(code(ScanOf<uint8_t>(DType::kFloat32, {1, 2, 3})),
            absl::StatusCode::kInvalidArgument);
  for (const ScanBins& bins : std::vector<ScanBins>{{-1, 0, 1},
                                                    {kMaxScanBins + 1, 0, 1},
                                                    {1, 1, 1},
                                                    {1, 1, 0},
                                                    {1, 0, kInfinity},
                                                    {1, kNan, 0},
                                                    {1, -1.7e308, 1.7e308},
                                                    {1000, 0, 1e-307}}) {
    EXPECT_EQ(code(ScanOf<float>(DType::kFloat32, {1}, bins)),
              absl::StatusCode::kInvalidArgument)
        << bins.low << " to " << bins.high;
  }
}

}  // namespace
}  // namespace hoist
