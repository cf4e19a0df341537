#include "hoist/checkpoint/diff/number_diff.h"

#include <cmath>
#include <complex>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

template <typename T>
NumberRun RunOf(DType dtype, const std::vector<T>& elements) {
  return {.dtype = dtype,
          .bytes = {reinterpret_cast<const uint8_t*>(elements.data()),
                    elements.size() * sizeof(T)}};
}

NumberTotals Compare(const NumberRun& a, const NumberRun& b,
                     const Tolerance& tolerance = {}, uint64_t first = 0) {
  NumberTotals totals;
  HOIST_EXPECT_OK(CompareNumbers(a, b, tolerance, first, totals));
  return totals;
}

TEST(NumberDiffTest, CountsAndMeasuresWhatDiffers) {
  const std::vector<float> a = {1, 2, 3, 0, -4};
  const std::vector<float> b = {1, 2.5, 2, 0, -4};
  const NumberTotals totals =
      Compare(RunOf(DType::kFloat32, a), RunOf(DType::kFloat32, b), {}, 100);
  EXPECT_EQ(totals.diff.count, 5);
  EXPECT_EQ(totals.diff.differing, 2);
  EXPECT_EQ(totals.diff.beyond, 2);
  EXPECT_EQ(totals.diff.max_abs, 1);
  EXPECT_EQ(totals.max_abs_index, 102);
  EXPECT_EQ(totals.diff.max_rel, 0.5);
}

TEST(NumberDiffTest, ToleranceIsNumpys) {
  const std::vector<double> a = {1.0, 101.0, 1e-9, 8.0};
  const std::vector<double> b = {1.1, 100.0, 0.0, 4.0};
  const auto beyond = [&](double rtol, double atol) {
    return Compare(RunOf(DType::kFloat64, a), RunOf(DType::kFloat64, b),
                   {.rtol = rtol, .atol = atol})
        .diff.beyond;
  };
  EXPECT_EQ(beyond(0, 0), 4);
  EXPECT_EQ(beyond(0, 1e-9), 3);
  EXPECT_EQ(beyond(0.01, 0), 3);  // of b, so that 0 has no neighbours
  EXPECT_EQ(beyond(0.1, 0), 2);
  EXPECT_EQ(beyond(0.99, 0), 2);
  EXPECT_EQ(beyond(1, 1e-9), 0);
}

TEST(NumberDiffTest, NanIsLikeNanAndLikeNothingElse) {
  const std::vector<double> a = {kNan, kNan, 1, kInfinity, kInfinity, -0.0};
  const std::vector<double> b = {kNan, 1, kNan, kInfinity, -kInfinity, 0.0};
  const NumberTotals totals =
      Compare(RunOf(DType::kFloat64, a), RunOf(DType::kFloat64, b),
              {.rtol = 1e9, .atol = 1e9});
  EXPECT_EQ(totals.diff.nan_a, 2);
  EXPECT_EQ(totals.diff.nan_b, 2);
  EXPECT_EQ(totals.diff.differing, 3);
  EXPECT_EQ(totals.diff.beyond, 3);
  EXPECT_EQ(totals.diff.max_abs, kInfinity);
  EXPECT_EQ(totals.max_abs_index, 4);
}

TEST(NumberDiffTest, IntegersAreExact) {
  constexpr int64_t kLarge = int64_t{1} << 60;
  EXPECT_EQ(Compare(RunOf<int64_t>(DType::kInt64, {kLarge, INT64_MIN}),
                    RunOf<int64_t>(DType::kInt64, {kLarge + 1, INT64_MAX}))
                .diff.beyond,
            2);
  EXPECT_EQ(
      Compare(RunOf<uint64_t>(DType::kUint64, {UINT64_MAX, 0}),
              RunOf<uint64_t>(DType::kUint64, {UINT64_MAX - 1, UINT64_MAX}))
          .diff.max_abs,
      std::ldexp(1, 64));
  EXPECT_EQ(Compare(RunOf<uint8_t>(DType::kQint8, {0xFF}),
                    RunOf<uint8_t>(DType::kQint8, {0x01}))
                .diff.max_abs,
            2);
  EXPECT_EQ(Compare(RunOf<uint8_t>(DType::kBool, {1, 0}),
                    RunOf<uint8_t>(DType::kBool, {1, 1}))
                .diff.differing,
            1);
  // Of three bits the low ones count.
  EXPECT_EQ(Compare(RunOf<uint8_t>(DType::kUint3, {0xF9}),
                    RunOf<uint8_t>(DType::kUint3, {0x03}))
                .diff.max_abs,
            2);
}

TEST(NumberDiffTest, OtherDtypesAreTheSameNumbers) {
  const std::vector<float> floats = {1, -2, 0.5};
  EXPECT_EQ(Compare(RunOf(DType::kFloat32, floats),
                    RunOf<uint16_t>(DType::kBfloat16, {0x3F80, 0xC000, 0x3F01}))
                .diff.differing,
            1);
  EXPECT_EQ(Compare(RunOf(DType::kFloat32, floats),
                    RunOf<int8_t>(DType::kInt8, {1, -2, 0}))
                .diff.max_abs,
            0.5);
}

TEST(NumberDiffTest, ComplexNumbersByTheModulus) {
  using Complex = std::complex<float>;
  const std::vector<Complex> a = {{1, 2}, {0, 0}, {NAN, 0}};
  const std::vector<Complex> b = {{4, 6}, {0, 0}, {0, NAN}};
  const NumberTotals totals =
      Compare(RunOf(DType::kComplex64, a), RunOf(DType::kComplex64, b));
  EXPECT_EQ(totals.diff.count, 3);
  EXPECT_EQ(totals.diff.differing, 1);
  EXPECT_EQ(totals.diff.max_abs, 5);
  EXPECT_EQ(totals.diff.nan_b, 1);
  EXPECT_EQ(Compare(RunOf<Complex>(DType::kComplex64, {{1, 0}, {2, 1}}),
                    RunOf<float>(DType::kFloat32, {1, 2}))
                .diff.differing,
            1);
}

TEST(NumberDiffTest, WhatIsConjugatedOrNegatedLazily) {
  using Complex = std::complex<float>;
  const std::vector<Complex> a = {{1, 2}};
  const std::vector<Complex> b = {{-1, 2}};
  NumberRun run = RunOf(DType::kComplex64, a);
  run.is_conjugate = true;
  run.is_negative = true;
  EXPECT_EQ(Compare(run, RunOf(DType::kComplex64, b)).diff.differing, 0);
  run.is_conjugate = false;
  EXPECT_EQ(Compare(run, RunOf(DType::kComplex64, b)).diff.differing, 1);
}

TEST(NumberDiffTest, TotalsDoNotDependOnTheirOrder) {
  std::vector<float> a(5000, 1);
  std::vector<float> b = a;
  b[4500] = 3;
  b[1200] = 3;
  b[7] = 2;
  const NumberTotals whole =
      Compare(RunOf(DType::kFloat32, a), RunOf(DType::kFloat32, b));
  EXPECT_EQ(whole.max_abs_index, 1200);
  NumberTotals parts;
  for (const size_t begin : {4000, 0, 3000, 2000, 1000}) {
    const auto part = [&](const std::vector<float>& all) {
      NumberRun run = RunOf(DType::kFloat32, all);
      run.bytes = run.bytes.subspan(begin * 4, 4000);
      return run;
    };
    HOIST_ASSERT_OK(CompareNumbers(part(a), part(b), {}, begin, parts));
  }
  EXPECT_EQ(parts.diff.count, 5000);
  EXPECT_EQ(parts.diff.differing, 3);
  EXPECT_EQ(parts.diff.max_abs, 2);
  EXPECT_EQ(parts.max_abs_index, 1200);
}

TEST(NumberDiffTest, NotEverythingIsANumber) {
  EXPECT_TRUE(HasNumbers(DType::kFloat8E4m3fn));
  EXPECT_FALSE(HasNumbers(DType::kFloat4E2m1fnX2));
  EXPECT_FALSE(HasNumbers(DType::kFloat6E2m3));
  EXPECT_FALSE(HasNumbers(DType::kBits8));
  EXPECT_FALSE(HasNumbers(DType::kQuint4x2));
  NumberTotals totals;
  const std::vector<float> one = {1};
  EXPECT_THAT(CompareNumbers(RunOf(DType::kFloat32, one),
                             RunOf(DType::kBits8, one), {}, 0, totals),
              StatusIs(absl::StatusCode::kUnimplemented));
  EXPECT_THAT(CompareNumbers(RunOf(DType::kFloat32, one),
                             RunOf(DType::kFloat64, one), {}, 0, totals),
              StatusIs(absl::StatusCode::kInvalidArgument));
  // All that says to have numbers has some that can be compared.
  const std::vector<uint64_t> bytes(2);
  for (const DType dtype : AllDTypes()) {
    if (HasNumbers(dtype)) {
      EXPECT_EQ(
          Compare(RunOf(dtype, bytes), RunOf(dtype, bytes)).diff.differing, 0);
    }
  }
}

}  // namespace
}  // namespace hoist
