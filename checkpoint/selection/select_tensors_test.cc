#include "hoist/checkpoint/selection/select_tensors.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(MatchesNameTest, NamesLayersAndGlobs) {
  constexpr char kName[] = "blocks.0.conv1.weight";
  for (const char* pattern : {"blocks.0.conv1.weight", "blocks", "blocks.0",
                              "blocks.0.conv1", "*.weight", "blocks.*.weight",
                              "blocks.?", "blocks.[0-3].conv1", "*", "b*"}) {
    EXPECT_TRUE(MatchesName(pattern, kName)) << pattern;
  }
  for (const char* pattern :
       {"", "block", "blocks.", "blocks.0.conv", "conv1", "*.bias",
        "blocks.[1-3]", "Blocks", "blocks.0.conv1.weight.x"}) {
    EXPECT_FALSE(MatchesName(pattern, kName)) << pattern;
  }
}

TEST(MatchesNameTest, NamesMayLookLikeGlobs) {
  EXPECT_TRUE(MatchesName("a[0]", "a[0]"));
  EXPECT_TRUE(MatchesName("a[0]", "a[0].weight"));
  EXPECT_TRUE(MatchesName("", ""));
}

Catalog SmallCatalog() {
  Catalog catalog;
  catalog.storages.resize(3);
  for (int i = 0; i < 3; ++i) {
    catalog.tensors.push_back(
        {.name = std::vector<std::string>{"stem.weight", "stem.bias",
                                          "model.head.weight"}[i],
         .storage = i});
  }
  auto graph = std::make_shared<ValueGraph>();
  catalog.root_id = graph->AddInt(7);
  catalog.values = graph;
  return catalog;
}

TEST(SelectTensorsTest, KeepsOrderAndStorages) {
  HOIST_ASSERT_OK_AND_ASSIGN(
      const Catalog selected,
      SelectTensors(SmallCatalog(), {"model", "stem.weight"}));
  ASSERT_EQ(selected.tensors.size(), 2u);
  EXPECT_EQ(selected.tensors[0].name, "stem.weight");
  EXPECT_EQ(selected.tensors[1].name, "model.head.weight");
  EXPECT_EQ(selected.tensors[1].storage, 2);
  EXPECT_EQ(selected.storages.size(), 3u);
  EXPECT_EQ(selected.root().kind(), ValueKind::kDict);
  EXPECT_EQ(selected.root().size(), 0u);
}

TEST(SelectTensorsTest, EveryPatternMustMeanSomething) {
  const absl::Status status =
      SelectTensors(SmallCatalog(), {"stem", "stem.wieght"}).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kNotFound,
                               HasSubstr("stem.wieght, of 3 tensors")));
  EXPECT_THAT(HintOf(status), HasSubstr("There is stem.weight"));
  EXPECT_THAT(HintOf(SelectTensors(SmallCatalog(), {"head.weight"}).status()),
              HasSubstr("model.head.weight"));
  EXPECT_THAT(
      HintOf(SelectTensors(SmallCatalog(), {"nothing like it"}).status()),
      HasSubstr("all tensors"));
}

}  // namespace
}  // namespace hoist
