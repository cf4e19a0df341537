#include "hoist/checkpoint/pickle/repeated_keys.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;

class RepeatedKeysTest : public ::testing::Test {
 protected:
  // "key:value" of the dict's entries afterwards; the values are 0, 1, 2, ...
  std::vector<std::string> Entries(const std::vector<ValueId>& keys) {
    std::vector<ValueId> items;
    for (size_t i = 0; i < keys.size(); ++i) {
      items.push_back(keys[i]);
      items.push_back(graph_.AddInt(static_cast<int64_t>(i)));
    }
    const ValueId dict = graph_.AddItems(ValueKind::kDict, items);
    RemoveRepeatedKeys(graph_, 0);
    const Value value(&graph_, dict);
    std::vector<std::string> entries;
    for (size_t i = 0; i < value.size(); ++i) {
      entries.push_back(ValueText(value.key(i)) + ":" +
                        ValueText(value.value(i)));
    }
    return entries;
  }
  ValueId Float(double value) {
    return graph_.Add({.kind = ValueKind::kFloat, .data = value});
  }

  ValueGraph graph_;
};

TEST_F(RepeatedKeysTest, FirstPlaceAndLastValue) {
  const ValueId a = graph_.AddString("a");
  EXPECT_THAT(Entries({a, graph_.AddString("b"), graph_.AddString("a")}),
              ElementsAre("a:2", "b:1"));
}

TEST_F(RepeatedKeysTest, NumbersOfOneValueAreOneKey) {
  EXPECT_THAT(Entries({graph_.AddInt(1), ValueGraph::kTrueId, Float(1.0),
                       Float(0.5), graph_.AddInt(0), Float(-0.0)}),
              ElementsAre("1:2", "0.5:3", "0:5"));
}

TEST_F(RepeatedKeysTest, TextIsNoNumberAndNoBytes) {
  const ValueId bytes =
      graph_.Add({.kind = ValueKind::kBytes, .data = std::string("1")});
  EXPECT_EQ(Entries({graph_.AddInt(1), graph_.AddString("1"), bytes,
                     ValueGraph::kNoneId})
                .size(),
            4u);
}

TEST_F(RepeatedKeysTest, OtherKeysStay) {
  const ValueId tuple = graph_.AddItems(ValueKind::kTuple, {});
  EXPECT_EQ(Entries({tuple, tuple}).size(), 2u);
}

}  // namespace
}  // namespace hoist
