#include "hoist/tools/ui/rank_plan_view.h"

#include "gtest/gtest.h"

namespace hoist {
namespace {

RankPlans SomePlans() {
  const RankPlan first = {.tensor_count = 1200,
                          .part_count = 3,
                          .needed_bytes = 1 << 20,
                          .read_bytes = 3 << 19,
                          .memory_bytes = 1 << 20,
                          .request_count = 12};
  RankPlan last = first;
  last.needed_bytes = 0;
  last.read_bytes = 0;
  return {.spec = "llama", .ranks = {first, first, last}, .notes = {"So"}};
}

TEST(RankPlanViewTest, NeighboursThatAreTheSameShareALine) {
  EXPECT_EQ(
      RankPlanView(SomePlans(), Terminal()),
      "Would load as 3 ranks by llama\n"
      "  rank  tensors  in part    needed      read           memory  "
      "requests\n"
      "  0-1     1,200        3  1.00 MiB  1.50 MiB  1.50x  1.00 MiB        "
      "12\n"
      "  2       1,200        3       0 B       0 B         1.00 MiB        "
      "12\n"
      "All ranks need 2.00 MiB and read 3.00 MiB\n"
      "  note: So\n");
}

TEST(RankPlanViewTest, JsonHasEachRank) {
  const Json json = RankPlanJson(SomePlans(), "model.pt");
  EXPECT_EQ(json["schema"], "hoist.plan/1");
  EXPECT_EQ(json["world_size"], 3);
  ASSERT_EQ(json["ranks"].size(), 3u);
  EXPECT_EQ(json["ranks"][1]["rank"], 1);
  EXPECT_EQ(json["ranks"][1]["read_bytes"], 3 << 19);
  EXPECT_EQ(json["ranks"][2]["needed_bytes"], 0);
  EXPECT_EQ(json["notes"][0], "So");
}

TEST(RankPlanViewTest, LinesOfALoad) {
  const RankReport report = {.rank = 1,
                             .world_size = 8,
                             .whole_count = 1,
                             .part_count = 2,
                             .needed_bytes = 2048,
                             .read_bytes = 3072,
                             .notes = {"Why"}};
  EXPECT_EQ(RankLines(report),
            "Rank 1 of 8: 3 tensors, 2 of them in part; 2.00 KiB needed, 3.00 "
            "KiB read (1.50x)\n  note: Why\n");
  EXPECT_EQ(RankJson(report)["part_tensors"], 2);
}

}  // namespace
}  // namespace hoist
