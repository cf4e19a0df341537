#include "hoist/checkpoint/selection/select_tensors.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

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

std::vector<std::string> NamesOf(const absl::StatusOr<Catalog>& catalog) {
  std::vector<std::string> names;
  if (!catalog.ok()) {
    return {std::string(catalog.status().message())};
  }
  for (const TensorEntry& tensor : catalog->tensors) {
    names.push_back(tensor.name);
  }
  return names;
}

Catalog CatalogOf(const std::vector<std::string>& names) {
  Catalog catalog;
  for (const std::string& name : names) {
    catalog.tensors.push_back(
        {.name = name, .spec = {DType::kFloat32, {4, 3}, {3, 1}}});
  }
  return catalog;
}

TEST(SelectTensorsTest, AnIndexTakesAPartOfEachTensor) {
  const Catalog catalog = CatalogOf({"a.weight", "b.weight", "b.bias"});
  HOIST_ASSERT_OK_AND_ASSIGN(
      const Catalog selected,
      SelectTensors(catalog, {"*.weight[1:, 0]", "b[-1]", "b.weight"}));
  EXPECT_THAT(NamesOf(selected),
              ElementsAre("a.weight[1:, 0]", "b.weight[1:, 0]", "b.weight[-1]",
                          "b.weight", "b.bias[-1]"));
  EXPECT_THAT(selected.tensors[0].spec.shape, ElementsAre(3));
  EXPECT_EQ(selected.tensors[0].storage_offset, 3);
  EXPECT_THAT(selected.tensors[4].spec.shape, ElementsAre(3));
  EXPECT_EQ(selected.tensors[4].storage_offset, 9);
}

TEST(SelectTensorsTest, BracketsAreNamesIndicesOrGlobs) {
  EXPECT_THAT(NamesOf(SelectTensors(CatalogOf({"w", "w[0]"}), {"w[0]"})),
              ElementsAre("w[0]"));
  EXPECT_THAT(NamesOf(SelectTensors(CatalogOf({"w", "w0"}), {"w[0]"})),
              ElementsAre("w[0]"));
  EXPECT_THAT(NamesOf(SelectTensors(CatalogOf({"w", "w0"}), {"w[0-3]"})),
              ElementsAre("w0"));
  EXPECT_THAT(NamesOf(SelectTensors(CatalogOf({"v0", "w0"}), {"?[0]"})),
              ElementsAre("v0", "w0"));
  EXPECT_THAT(NamesOf(SelectTensors(CatalogOf({"w[0]"}), {"w[0][1]"})),
              ElementsAre("w[0][1]"));
  EXPECT_THAT(NamesOf(SelectTensors(CatalogOf({""}), {"[2]"})),
              ElementsAre("[2]"));
}

TEST(SelectTensorsTest, AnIndexThatDoesNotFitIsAnError) {
  const Catalog catalog = CatalogOf({"w"});
  EXPECT_THAT(SelectTensors(catalog, {"w[4]"}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "Tensor w: Index 4 is out of range for dimension 0 of "
                       "size 4"));
  EXPECT_THAT(
      SelectTensors(catalog, {"w[0-3]"}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("\"0-3\"")));
  EXPECT_THAT(SelectTensors(catalog, {"v[0]"}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("v[0]")));
}

TEST(SelectTensorsTest, NoPatternsMeanAll) {
  const Catalog catalog = CatalogOf({"a", "", "b\nc"});
  EXPECT_THAT(NamesOf(SelectTensors(catalog, {})),
              ElementsAre("a", "", "b\nc"));
  EXPECT_THAT(NamesOf(SelectTensors(Catalog(), {})), IsEmpty());
}

TEST(SelectTensorsTest, ExcludedIsLeftOutWhateverIsSelected) {
  const Catalog catalog =
      CatalogOf({"a.weight", "a.bias", "b.weight", "b.bias"});
  EXPECT_THAT(NamesOf(SelectTensors(catalog, {}, {"*.bias"})),
              ElementsAre("a.weight", "b.weight"));
  EXPECT_THAT(NamesOf(SelectTensors(catalog, {"b", "a.bias"}, {"b.bias"})),
              ElementsAre("a.bias", "b.weight"));
  // Also where a part of it is selected.
  EXPECT_THAT(NamesOf(SelectTensors(catalog, {"b[0]"}, {"b.weight"})),
              ElementsAre("b.bias[0]"));
  // What is there but not selected may be excluded.
  EXPECT_THAT(NamesOf(SelectTensors(catalog, {"a.weight"}, {"b"})),
              ElementsAre("a.weight"));
}

TEST(SelectTensorsTest, AnExcludedNameMustBeThereAndAGlobNeedNot) {
  const Catalog catalog = CatalogOf({"a.weight", "b.weight"});
  const absl::Status status = SelectTensors(catalog, {}, {"a.wieght"}).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kNotFound,
                               HasSubstr("a.wieght, of 2 tensors")));
  EXPECT_THAT(HintOf(status), HasSubstr("There is a.weight"));
  EXPECT_THAT(NamesOf(SelectTensors(catalog, {}, {"*.bias", "c?"})),
              ElementsAre("a.weight", "b.weight"));
}

TEST(SelectTensorsTest, APartCannotBeExcluded) {
  EXPECT_THAT(SelectTensors(CatalogOf({"w", "v"}), {}, {"w[0]"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("w[0]")));
  EXPECT_THAT(NamesOf(SelectTensors(CatalogOf({"w[0]", "v"}), {}, {"w[0]"})),
              ElementsAre("v"));
}

TEST(SelectTensorsTest, ToLeaveNothingIsAnError) {
  const Catalog catalog = CatalogOf({"a", "b"});
  EXPECT_THAT(
      SelectTensors(catalog, {"a"}, {"a"}),
      StatusIs(absl::StatusCode::kNotFound, "Of 2 tensors none is left"));
  EXPECT_THAT(SelectTensors(catalog, {}, {"*"}),
              StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace hoist
