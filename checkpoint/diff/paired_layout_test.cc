#include "hoist/checkpoint/diff/paired_layout.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

PairedLayout Paired(std::vector<int64_t> shape, std::vector<int64_t> strides_a,
                    std::vector<int64_t> strides_b) {
  auto layout = PairLayouts({DType::kFloat32, shape, std::move(strides_a)},
                            {DType::kFloat32, shape, std::move(strides_b)});
  HOIST_EXPECT_OK(layout.status());
  return *std::move(layout);
}

TEST(PairedLayoutTest, WhatLiesAlikeIsLinear) {
  const PairedLayout rows = Paired({2, 1, 3}, {3, 3, 1}, {3, 99, 1});
  EXPECT_TRUE(rows.is_linear);
  EXPECT_EQ(rows.element_count, 6);
  EXPECT_THAT(rows.IndexOf(4), ElementsAre(1, 0, 1));
  // Channels last, in both.
  const PairedLayout last = Paired({2, 3, 4}, {12, 1, 3}, {12, 1, 3});
  EXPECT_TRUE(last.is_linear);
  EXPECT_THAT(last.IndexOf(13), ElementsAre(1, 1, 0));
  const PairedLayout scalar = Paired({}, {}, {});
  EXPECT_TRUE(scalar.is_linear);
  EXPECT_THAT(scalar.IndexOf(0), IsEmpty());
}

TEST(PairedLayoutTest, GapsAndOtherOrdersAreNot) {
  EXPECT_FALSE(Paired({2, 3}, {4, 1}, {4, 1}).is_linear);
  EXPECT_FALSE(Paired({2, 3}, {1, 1}, {1, 1}).is_linear);
  const PairedLayout turned = Paired({2, 3}, {3, 1}, {1, 2});
  EXPECT_FALSE(turned.is_linear);
  EXPECT_THAT(turned.IndexOf(5), ElementsAre(1, 2));
}

TEST(PairedLayoutTest, WhatBothRepeatIsGoneThroughOnce) {
  const PairedLayout layout = Paired({1000, 3}, {0, 1}, {0, 1});
  EXPECT_EQ(layout.element_count, 3);
  EXPECT_EQ(layout.repeats, 1000);
  EXPECT_TRUE(layout.is_linear);
  EXPECT_THAT(layout.IndexOf(2), ElementsAre(0, 2));
  EXPECT_EQ(Paired({1000, 3}, {0, 1}, {3, 1}).element_count, 3000);
}

TEST(PairedLayoutTest, NoElements) {
  EXPECT_EQ(Paired({0, 3}, {3, 1}, {1, 1}).element_count, 0);
}

TEST(PairedLayoutTest, OtherShapesAndLargeOnesAreRefused) {
  EXPECT_THAT(
      PairLayouts({DType::kFloat32, {2}, {1}}, {DType::kFloat32, {3}, {1}}),
      StatusIs(absl::StatusCode::kInvalidArgument));
  constexpr int64_t kHalf = int64_t{1} << 62;
  EXPECT_THAT(PairLayouts({DType::kFloat32, {kHalf, 4}, {0, 0}},
                          {DType::kFloat32, {kHalf, 4}, {0, 0}}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace hoist
