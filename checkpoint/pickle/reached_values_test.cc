#include "hoist/checkpoint/pickle/reached_values.h"

#include <variant>

#include "gtest/gtest.h"

namespace hoist {
namespace {

TEST(ReachedValuesTest, CountsReferencesOfWhatCanBeReached) {
  ValueGraph graph;
  const ValueId text = graph.AddString("text");
  const ValueId lost = graph.AddItems(ValueKind::kList, {text});
  const ValueId type = graph.AddClass("my", "List");
  const ValueId list = graph.AddItems(ValueKind::kList, {text, text}, type);
  const ValueId root = graph.AddItems(ValueKind::kTuple, {list});
  graph.node(list).state = root;  // contains itself
  const auto references = ReachedValues(graph, root);
  EXPECT_EQ(references[text], 2u);
  EXPECT_EQ(references[lost], 0u);
  EXPECT_EQ(references[type], 1u);
  EXPECT_EQ(references[list], 1u);
  EXPECT_EQ(references[root], 2u);
}

TEST(ReachedValuesTest, IsLinearInWhatIsSharedMoreAndMoreOften) {
  ValueGraph graph;
  ValueId both = graph.AddItems(ValueKind::kList, {});
  for (int i = 0; i < 1000; ++i) {
    both = graph.AddItems(ValueKind::kList, {both, both});
  }
  EXPECT_EQ(ReachedValues(graph, both)[both - 1], 2u);
}

}  // namespace
}  // namespace hoist
