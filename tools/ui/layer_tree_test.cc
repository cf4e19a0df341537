#include "hoist/tools/ui/layer_tree.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;

TensorRow Row(std::string name, std::vector<int64_t> shape = {2},
              DType dtype = DType::kFloat32) {
  TensorRow row{.name = std::move(name), .dtype = dtype};
  row.elements = 1;
  for (const int64_t size : shape) {
    row.elements *= size;
  }
  row.shape = std::move(shape);
  return row;
}

LayerNode Tree(const std::vector<TensorRow>& rows) {
  std::vector<int> all;
  for (size_t i = 0; i < rows.size(); ++i) {
    all.push_back(static_cast<int>(i));
  }
  return BuildLayerTree(rows, all);
}

// Every line of the tree: indented label, then "xN" for repeats.
std::vector<std::string> Lines(const LayerNode& node, int depth = 0) {
  std::vector<std::string> lines;
  for (const LayerNode& child : node.children) {
    lines.push_back(absl::StrCat(std::string(depth, ' '), child.label));
    if (child.repeats > 1) {
      absl::StrAppend(&lines.back(), " x", child.repeats);
    }
    for (std::string& line : Lines(child, depth + 1)) {
      lines.push_back(std::move(line));
    }
  }
  return lines;
}

TEST(LayerTreeTest, SplitsAtDots) {
  const LayerNode tree =
      Tree({Row("stem.weight"), Row("stem.bias"), Row("head.fc.weight", {3})});
  EXPECT_THAT(Lines(tree),
              ElementsAre("stem", " weight", " bias", "head.fc.weight"));
  EXPECT_EQ(tree.tensor_count, 3);
  EXPECT_EQ(tree.parameter_count, 7);
}

TEST(LayerTreeTest, FoldsEqualLayers) {
  std::vector<TensorRow> rows;
  for (int i = 0; i < 12; ++i) {
    rows.push_back(Row(absl::StrCat("blocks.", i, ".fc.weight"), {4, 5}));
    rows.push_back(Row(absl::StrCat("blocks.", i, ".fc.bias"), {4}));
  }
  rows.push_back(Row("head", {3}));
  const LayerNode tree = Tree(rows);
  EXPECT_THAT(Lines(tree),
              ElementsAre("blocks.0-11.fc x12", " weight", " bias", "head"));
  EXPECT_EQ(tree.children[0].parameter_count, 24);
  EXPECT_EQ(tree.parameter_count, 12 * 24 + 3);
  EXPECT_EQ(tree.tensor_count, 25);
}

TEST(LayerTreeTest, KeepsLayersApartThatDiffer) {
  // In a shape, a dtype, a name, or a tie.
  EXPECT_THAT(Lines(Tree({Row("0.w", {2}), Row("1.w", {3})})),
              ElementsAre("0.w", "1.w"));
  EXPECT_THAT(Lines(Tree({Row("0.w"), Row("1.w", {2}, DType::kFloat16)})),
              ElementsAre("0.w", "1.w"));
  EXPECT_THAT(Lines(Tree({Row("0.w"), Row("1.v")})), ElementsAre("0.w", "1.v"));
  std::vector<TensorRow> tied = {Row("0.w"), Row("1.w")};
  tied[1].tied_to = 0;
  EXPECT_THAT(Lines(Tree(tied)), ElementsAre("0.w", "1.w"));
}

TEST(LayerTreeTest, FoldsRunsOfEqualLayers) {
  EXPECT_THAT(Lines(Tree({Row("0.w"), Row("1.w"), Row("2.w", {9}), Row("3.w"),
                          Row("4.w")})),
              ElementsAre("0-1.w x2", "2.w", "3-4.w x2"));
}

TEST(LayerTreeTest, FoldsInsideFolds) {
  std::vector<TensorRow> rows;
  for (int i = 0; i < 2; ++i) {
    rows.push_back(Row(absl::StrCat("l.", i, ".norm")));
    for (int j = 0; j < 3; ++j) {
      rows.push_back(Row(absl::StrCat("l.", i, ".experts.", j, ".w")));
    }
  }
  const LayerNode tree = Tree(rows);
  EXPECT_THAT(Lines(tree),
              ElementsAre("l.0-1 x2", " norm", " experts.0-2.w x3"));
  EXPECT_EQ(tree.parameter_count, 16);
}

TEST(LayerTreeTest, DoesNotJoinTwoFolds) {
  std::vector<TensorRow> rows;
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 3; ++j) {
      rows.push_back(Row(absl::StrCat(i, ".", j)));
    }
  }
  EXPECT_THAT(Lines(Tree(rows)), ElementsAre("0-1 x2", " 0-2 x3"));
}

TEST(LayerTreeTest, SortsNumbersAsNumbers) {
  std::vector<TensorRow> rows;
  for (const int i : {0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9}) {
    rows.push_back(Row(absl::StrCat("layer_", i, ".w")));
  }
  EXPECT_THAT(Lines(Tree(rows)), ElementsAre("layer_0-11.w x12"));
}

TEST(LayerTreeTest, NamesTheGapsOfASequential) {
  EXPECT_THAT(Lines(Tree({Row("0.w"), Row("2.w"), Row("4.w")})),
              ElementsAre("0,2,4.w x3"));
  std::vector<TensorRow> rows;
  for (int i = 0; i < 20; i += 2) {
    rows.push_back(Row(absl::StrCat(i, ".w")));
  }
  EXPECT_THAT(Lines(Tree(rows)), ElementsAre("0,2,4,...,18.w x10"));
}

TEST(LayerTreeTest, ANumberInANameIsNoLayerNumber) {
  EXPECT_THAT(Lines(Tree({Row("fp16"), Row("fp32")})),
              ElementsAre("fp16", "fp32"));
}

TEST(LayerTreeTest, ATensorMayHaveTensorsBelow) {
  const LayerNode tree = Tree({Row("a"), Row("a.b"), Row("a.c")});
  EXPECT_THAT(Lines(tree), ElementsAre("a", " b", " c"));
  EXPECT_EQ(tree.children[0].tensors.size(), 1u);
}

TEST(LayerTreeTest, TakesAnyName) {
  const LayerNode tree =
      Tree({Row(""), Row(""), Row("."), Row("a..b."),
            Row("1.9999999999999999999"), Row("1.99999999999999999999999")});
  EXPECT_EQ(tree.tensor_count, 6);
  EXPECT_EQ(Tree({}).tensor_count, 0);
}

TEST(LayerTreeTest, IsOfLimitedDepth) {
  std::string deep;
  for (int i = 0; i < 50'000; ++i) {
    deep += "a.";
  }
  const std::vector<TensorRow> rows = {Row(deep + "x"), Row(deep + "y")};
  const LayerNode tree = Tree(rows);
  EXPECT_EQ(tree.tensor_count, 2);
  ASSERT_EQ(tree.children.size(), 1u);
  EXPECT_EQ(tree.children[0].children.size(), 2u);
}

TEST(LayerTreeTest, BuffersAndTiesAreNoParameters) {
  std::vector<TensorRow> rows = {Row("a", {10}), Row("b", {10}), Row("c", {7})};
  rows[1].tied_to = 0;
  rows[2].is_buffer = true;
  EXPECT_EQ(Tree(rows).parameter_count, 10);
}

}  // namespace
}  // namespace hoist
