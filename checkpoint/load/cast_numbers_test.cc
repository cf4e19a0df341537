#include "hoist/checkpoint/load/cast_numbers.h"

#include <cstring>
#include <limits>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/tensor/ops/cast.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::vector<uint8_t> BytesOf(DType dtype, const std::vector<double>& numbers) {
  std::vector<uint8_t> bytes(numbers.size() * DTypeBits(dtype) / 8);
  const auto* const data = reinterpret_cast<const uint8_t*>(numbers.data());
  HOIST_EXPECT_OK(Cast(DType::kFloat64, {data, numbers.size() * sizeof(double)},
                       dtype, absl::MakeSpan(bytes)));
  return bytes;
}

CastLosses LossesOf(const StorageCast& cast,
                    const std::vector<double>& numbers) {
  const std::vector<uint8_t> source = BytesOf(cast.from, numbers);
  std::vector<uint8_t> result(numbers.size() * DTypeBits(cast.to) / 8);
  const auto losses = CastNumbers(cast, source, absl::MakeSpan(result));
  EXPECT_TRUE(losses.ok()) << losses.status();
  std::vector<uint8_t> expected(result.size());
  HOIST_EXPECT_OK(Cast(cast.from, source, cast.to, absl::MakeSpan(expected)));
  EXPECT_EQ(result, expected);
  return *losses;
}

struct TooLarge {
  StorageCast cast;
  double number = 0;  // finite only before the cast
};

std::vector<TooLarge> WhatCanBecomeInfinite() {
  return {{{DType::kFloat64, DType::kFloat32}, 1e300},
          {{DType::kFloat64, DType::kBfloat16}, -1e300},
          {{DType::kFloat64, DType::kFloat16}, 65520},
          // Between the largest of both.
          {{DType::kFloat32, DType::kBfloat16}, 3.4e38},
          {{DType::kFloat32, DType::kFloat16}, -65520},
          {{DType::kBfloat16, DType::kFloat16}, 66048}};
}

TEST(CastNumbersTest, CountsWhatBecomesInfiniteWhereverItIs) {
  for (const auto& [cast, number] : WhatCanBecomeInfinite()) {
    for (const size_t at : {0u, 4095u, 4096u, 9999u}) {
      std::vector<double> numbers(10000, 1.5);
      EXPECT_TRUE(LossesOf(cast, numbers).IsEmpty());
      numbers[at] = number;
      const CastLosses losses = LossesOf(cast, numbers);
      EXPECT_EQ(losses.infinite_count, 1u) << DTypeName(cast.from);
      EXPECT_EQ(losses.nan_count, 0u);
    }
  }
}

TEST(CastNumbersTest, WhatWasInfiniteBeforeIsNoLossAndNanIsCounted) {
  for (const auto& [cast, number] : WhatCanBecomeInfinite()) {
    const CastLosses losses =
        LossesOf(cast, {kInfinity, number, -kInfinity, kNan, kNan, number});
    EXPECT_EQ(losses.infinite_count, 2u);
    EXPECT_EQ(losses.nan_count, 2u);
  }
}

TEST(CastNumbersTest, NothingIsLostWhereTheRangeIsNotSmaller) {
  for (const auto& [cast, number] : WhatCanBecomeInfinite()) {
    EXPECT_TRUE(
        LossesOf({.from = cast.to, .to = cast.from}, {kInfinity, kNan, 1})
            .IsEmpty());
  }
}

TEST(CastNumbersTest, ErrorsAreThoseOfCast) {
  std::vector<uint8_t> bytes(8);
  EXPECT_THAT(CastNumbers({DType::kFloat32, DType::kFloat16}, bytes,
                          absl::MakeSpan(bytes))
                  .status(),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace hoist
