#include "hoist/tools/ui/tree_view.h"

#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoist {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TensorRow Row(std::string name, std::vector<int64_t> shape) {
  TensorRow row{.name = std::move(name), .elements = 1};
  for (const int64_t size : shape) {
    row.elements *= size;
  }
  row.shape = std::move(shape);
  return row;
}

TreeView Render(const std::vector<TensorRow>& rows,
                const TreeViewOptions& options = {}) {
  std::vector<int> all(rows.size());
  std::iota(all.begin(), all.end(), 0);
  return RenderTree(BuildLayerTree(rows, all), rows, options);
}

std::vector<TensorRow> Transformer(int layers) {
  std::vector<TensorRow> rows = {Row("embed.weight", {100, 10})};
  for (int i = 0; i < layers; ++i) {
    rows.push_back(Row(absl::StrCat("blocks.", i, ".norm.weight"), {10}));
    rows.push_back(Row(absl::StrCat("blocks.", i, ".mlp.weight"), {10, 10}));
  }
  rows.push_back(Row("head.weight", {100, 10}));
  rows.back().tied_to = 0;
  return rows;
}

TEST(TreeViewTest, AlignsNamesShapesDTypesAndCounts) {
  EXPECT_EQ(Render(Transformer(12)).text,
            "embed.weight   [100, 10]  float32  1,000\n"
            "blocks.0-11  (12 identical)        1,320\n"
            "  norm.weight  [10]       float32     10\n"
            "  mlp.weight   [10, 10]   float32    100\n"
            "head.weight    [100, 10]  float32  1,000  = embed.weight\n");
}

TEST(TreeViewTest, IsShownLessDeepToFit) {
  std::vector<TensorRow> rows = Transformer(3);
  const TreeView view = Render(rows, {.max_lines = 3});
  EXPECT_TRUE(view.is_cut);
  EXPECT_EQ(view.text,
            "embed.weight  [100, 10]  float32  1,000\n"
            "blocks.0-2  (3 identical)           330  in 6 tensors\n"
            "head.weight   [100, 10]  float32  1,000  = embed.weight\n");
  EXPECT_FALSE(Render(rows, {.max_lines = 5}).is_cut);
}

TEST(TreeViewTest, IsCutWhereEvenTheTopIsTooLong) {
  std::vector<TensorRow> rows;
  for (int i = 0; i < 50; ++i) {
    rows.push_back(Row(absl::StrCat("t", i, "x"), {1}));
  }
  const TreeView view = Render(rows, {.max_lines = 10});
  EXPECT_TRUE(view.is_cut);
  EXPECT_EQ(std::count(view.text.begin(), view.text.end(), '\n'), 10);
  EXPECT_FALSE(Render(rows).is_cut);
}

TEST(TreeViewTest, NamesAreSafeAndShort) {
  const std::string text =
      Render({Row("\x1b[31m\n", {1}), Row("", {1}), Row("\xff", {1}),
              Row(" x", {1}), Row(std::string(100'000, 'n'), {1})},
             {.max_name_width = 30})
          .text;
  EXPECT_THAT(text, HasSubstr("\\x1b[31m\\n"));
  EXPECT_THAT(text, HasSubstr("\"\""));
  EXPECT_THAT(text, HasSubstr("\\xff"));
  EXPECT_THAT(text, HasSubstr("\" x\""));
  EXPECT_THAT(text, HasSubstr("nnn...nnn"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_LT(text.size(), 400u);
}

TEST(TreeViewTest, EqualNamesAreAllShown) {
  const std::string text = Render({Row("a", {1}), Row("a", {2})}).text;
  EXPECT_EQ(text, "a  [1]  float32  1\na  [2]  float32  2\n");
}

TEST(TreeViewTest, SaysWhereThereIsNoData) {
  TensorRow row = Row("a", {3});
  row.has_data = false;
  EXPECT_EQ(Render({row}).text, "a  [3]  float32  3  no data\n");
}

}  // namespace
}  // namespace hoist
