#include "hoist/tools/ui/summary.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(SummarizeTest, TotalsByDTypeAndCountsTiesOnce) {
  std::vector<TensorRow> rows = {
      {.name = "step", .dtype = DType::kInt64, .elements = 1, .bytes = 8},
      {.name = "embed", .elements = 100, .bytes = 400},
      {.name = "head", .elements = 100, .bytes = 400, .tied_to = 1},
      {.name = "mean", .elements = 10, .bytes = 40, .is_buffer = true},
      {.name = "left out", .elements = 1000, .bytes = 4000},
  };
  const Summary summary = Summarize(rows, std::vector<int>{0, 1, 2, 3});
  EXPECT_EQ(summary.all.tensors, 3);
  EXPECT_EQ(summary.all.elements, 111);
  EXPECT_EQ(summary.all.parameters, 101);
  EXPECT_EQ(summary.all.bytes, 448);
  EXPECT_THAT(summary.ties, ElementsAre(Pair(2, 1)));
  ASSERT_EQ(summary.by_dtype.size(), 2u);
  EXPECT_EQ(summary.by_dtype[0].first, DType::kFloat32);
  EXPECT_EQ(summary.by_dtype[0].second.tensors, 2);
  EXPECT_EQ(summary.by_dtype[1].first, DType::kInt64);
}

TEST(SummarizeTest, CountsTensorsWithoutData) {
  const std::vector<TensorRow> rows = {
      {.elements = 5, .bytes = 20, .has_data = false}};
  const Summary summary = Summarize(rows, std::vector<int>{0});
  EXPECT_EQ(summary.without_data, 1);
  EXPECT_EQ(summary.all.elements, 5);
  EXPECT_EQ(summary.all.bytes, 0);
}

}  // namespace
}  // namespace hoist
