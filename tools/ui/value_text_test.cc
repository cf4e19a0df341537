#include "hoist/tools/ui/value_text.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace hoist {
namespace {

class ShortValueTextTest : public ::testing::Test {
 protected:
  std::string Text(ValueId id, size_t max_width = 40) {
    return ShortValueText(Value(&graph_, id), max_width);
  }
  ValueGraph graph_;
};

TEST_F(ShortValueTextTest, ShowsScalars) {
  EXPECT_EQ(Text(graph_.AddInt(7)), "7");
  EXPECT_EQ(Text(ValueGraph::kTrueId), "True");
  EXPECT_EQ(Text(ValueGraph::kNoneId), "None");
  EXPECT_EQ(Text(graph_.AddString("run\x1b one")), "\"run\\x1b one\"");
  EXPECT_EQ(Text(graph_.AddString(std::string(500, 'x')), 10),
            "\"xxxx...xxx\"");
}

TEST_F(ShortValueTextTest, ShowsSizeAndStartOfCollections) {
  const ValueId one = graph_.AddInt(1);
  EXPECT_EQ(Text(graph_.AddItems(ValueKind::kList, {one, one})),
            "list(2): 1, 1");
  EXPECT_EQ(
      Text(graph_.AddItems(ValueKind::kList, std::vector<ValueId>(100, one)),
           24),
      "list(100): 1, 1, 1, 1, 1, ...");
  const ValueId key = graph_.AddString("lr");
  const ValueId dict = graph_.AddItems(ValueKind::kDict, {key, one});
  EXPECT_EQ(Text(dict), "dict(1): lr");
  EXPECT_EQ(Text(graph_.AddItems(ValueKind::kList, {dict, dict})), "list(2)");
  EXPECT_EQ(Text(graph_.AddItems(ValueKind::kTuple, {})), "tuple(0)");
}

TEST_F(ShortValueTextTest, NamesTheClassOfObjects) {
  EXPECT_EQ(Text(graph_.Add({.kind = ValueKind::kOpaque,
                             .type = graph_.AddClass("argparse", "Namespace"),
                             .data = ValueGraph::Items()})),
            "argparse.Namespace object");
  EXPECT_EQ(Text(graph_.AddClass("torch", "Size")), "class torch.Size");
}

TEST_F(ShortValueTextTest, DoesNotWriteOutHugeNumbers) {
  EXPECT_EQ(Text(graph_.Add({.kind = ValueKind::kBigInt,
                             .data = std::string(1'000'000, '\x7f')})),
            "int of 8000000 bits");
}

}  // namespace
}  // namespace hoist
