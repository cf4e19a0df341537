#include "hoist/tools/ui/number_format.h"

#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<std::string> Texts(const std::vector<double>& values,
                               DType dtype = DType::kFloat64) {
  const NumberFormat format(values, dtype);
  std::vector<std::string> texts;
  for (const double value : values) {
    texts.push_back(format.Text(value));
  }
  return texts;
}

// Expected texts are PyTorch's.
TEST(NumberFormatTest, WholeNumbersHaveNoPlaces) {
  EXPECT_THAT(Texts({1, -20, 0, -0.0}),
              ElementsAre("  1.", "-20.", "  0.", " -0."));
  EXPECT_THAT(Texts({0, 0}), ElementsAre("0.", "0."));
  EXPECT_THAT(Texts({1e8}), ElementsAre("100000000."));
}

TEST(NumberFormatTest, OthersHaveFour) {
  EXPECT_THAT(Texts({0.5, -12}), ElementsAre("  0.5000", "-12.0000"));
  EXPECT_THAT(Texts({0.1, 100}), ElementsAre("  0.1000", "100.0000"));
}

TEST(NumberFormatTest, ExponentsForLargeSmallAndFarApart) {
  EXPECT_THAT(Texts({1e8 + 8}), ElementsAre("1.0000e+08"));
  EXPECT_THAT(Texts({9e-5}), ElementsAre("9.0000e-05"));
  EXPECT_THAT(Texts({1e-4}), ElementsAre("0.0001"));
  EXPECT_THAT(Texts({0.1, 100.1, 0}),
              ElementsAre("1.0000e-01", "1.0010e+02", "0.0000e+00"));
  EXPECT_THAT(Texts({1, 1001}), ElementsAre("1.0000e+00", "1.0010e+03"));
  EXPECT_THAT(Texts({1e300, -5}), ElementsAre("1.0000e+300", "-5.0000e+00"));
}

TEST(NumberFormatTest, WhatIsNotFiniteChoosesNothing) {
  EXPECT_THAT(Texts({kNan, -kNan, kInfinity, -kInfinity}),
              ElementsAre("nan", "nan", "inf", "-inf"));
  EXPECT_THAT(Texts({kNan, 1.5}), ElementsAre("   nan", "1.5000"));
  EXPECT_THAT(Texts({-kInfinity, 1}), ElementsAre("-inf", "1."));
}

TEST(NumberFormatTest, InFloat8E8m0TheLeastNumberIsZeroAndNanCounts) {
  EXPECT_THAT(Texts({0x1p-127, 1}, DType::kFloat8E8m0fnu),
              ElementsAre("0.", "1."));
  EXPECT_THAT(Texts({0x1p-40, kNan}, DType::kFloat8E8m0fnu),
              ElementsAre("0.0000", "   nan"));
}

}  // namespace
}  // namespace hoist
