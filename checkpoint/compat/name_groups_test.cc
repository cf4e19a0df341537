#include "hoist/checkpoint/compat/name_groups.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

TEST(NameGroupsTest, InOrderOfNumbersAndTheLastOfAName) {
  const std::vector<TensorOutline> tensors = {
      {.name = "h.10.w", .shape = {1}},   {.name = "norm", .shape = {2}},
      {.name = "h.2.w", .shape = {3}},    {.name = "h.10.w", .shape = {4}},
      {.name = "h.*.w", .shape = {5}},    {.name = "h.3.w", .shape = {6}},
      {.name = "h.2.w.0.x", .shape = {}}, {.name = "left.out", .shape = {7}}};
  const auto groups = GroupsByTemplate(tensors, {0, 1, 2, 3, 4, 5, 6});
  ASSERT_THAT(groups, SizeIs(3));
  EXPECT_EQ(groups[0].text, "h.*.w");
  ASSERT_THAT(groups[0].members, SizeIs(3));
  EXPECT_THAT(groups[0].members[0].numbers, ElementsAre(2));
  EXPECT_THAT(groups[0].members[0].shape, ElementsAre(3));
  EXPECT_THAT(groups[0].members[1].numbers, ElementsAre(3));
  EXPECT_THAT(groups[0].members[1].shape, ElementsAre(6));
  EXPECT_THAT(groups[0].members[2].numbers, ElementsAre(10));
  EXPECT_THAT(groups[0].members[2].shape, ElementsAre(4));
  EXPECT_EQ(groups[1].text, "norm");
  EXPECT_THAT(groups[1].members, SizeIs(1));
  EXPECT_EQ(groups[2].text, "h.*.w.*.x");
  EXPECT_THAT(groups[2].members[0].numbers, ElementsAre(2, 0));
}

}  // namespace
}  // namespace hoist
