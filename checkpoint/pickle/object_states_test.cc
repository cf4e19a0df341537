#include "hoist/checkpoint/pickle/object_states.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;

class ObjectStatesTest : public ::testing::Test {
 protected:
  Value At(ValueId id) { return Value(&graph_, id); }
  ValueId Dict(const std::vector<std::string>& keys, int64_t value) {
    std::vector<ValueId> entries;
    for (const std::string& key : keys) {
      entries.push_back(graph_.AddString(key));
      entries.push_back(graph_.AddInt(value));
    }
    return graph_.AddItems(ValueKind::kDict, entries);
  }
  std::vector<std::string> Keys(ValueId id) {
    std::vector<std::string> keys;
    for (size_t i = 0; i < At(id).size(); ++i) {
      keys.emplace_back(At(id).key(i).AsString());
    }
    return keys;
  }

  ValueGraph graph_;
};

TEST_F(ObjectStatesTest, Quantizers) {
  const auto tuple = [this](size_t size) {
    std::vector<ValueId> items;
    for (size_t i = 0; i < size; ++i) {
      items.push_back(graph_.AddInt(static_cast<int64_t>(i)));
    }
    return graph_.AddItems(ValueKind::kTuple, items);
  };
  const ValueId tensor = QuantizerState(graph_, At(tuple(3)));
  EXPECT_THAT(Keys(tensor), ElementsAre("qscheme", "scale", "zero_point"));
  const ValueId channels = QuantizerState(graph_, At(tuple(4)));
  EXPECT_THAT(Keys(channels),
              ElementsAre("qscheme", "scales", "zero_points", "axis"));
  EXPECT_EQ(At(channels).Find("axis")->AsInt(), 3);
  const ValueId other = tuple(5);
  EXPECT_EQ(QuantizerState(graph_, At(other)), other);
}

TEST_F(ObjectStatesTest, AttributesJoinTheParts) {
  const ValueId joined =
      JoinedState(graph_, Dict({"a", "b"}, 1), Dict({"c"}, 2));
  EXPECT_THAT(Keys(joined), ElementsAre("a", "b", "c"));
  EXPECT_EQ(At(joined).Find("a")->AsInt(), 1);
  EXPECT_EQ(At(joined).Find("c")->AsInt(), 2);
}

TEST_F(ObjectStatesTest, NoPartIsHiddenByAnAttribute) {
  const ValueId parts = Dict({"a", "b"}, 1);
  const ValueId given = Dict({"b", "c"}, 2);
  const ValueId both = JoinedState(graph_, parts, given);
  EXPECT_EQ(At(both).kind(), ValueKind::kTuple);
  EXPECT_EQ(At(both)[0].id(), parts);
  EXPECT_EQ(At(both)[1].id(), given);
  // The same value under the same name is one.
  const ValueId same = graph_.AddItems(
      ValueKind::kDict, {At(parts).key(0).id(), At(parts).value(0).id()});
  EXPECT_THAT(Keys(JoinedState(graph_, parts, same)), ElementsAre("b", "a"));
}

TEST_F(ObjectStatesTest, ManyAttributesAreNotCopied) {
  const auto names = [](int count) {
    std::vector<std::string> keys;
    for (int i = 0; i < count; ++i) {
      keys.push_back(std::to_string(i));
    }
    return keys;
  };
  const ValueId parts = Dict({"a"}, 1);
  EXPECT_EQ(At(JoinedState(graph_, parts, Dict(names(64), 2))).size(), 65u);
  const ValueId many = Dict(names(65), 2);
  const ValueId both = JoinedState(graph_, parts, many);
  EXPECT_EQ(At(both).kind(), ValueKind::kTuple);
  EXPECT_EQ(At(both)[1].id(), many);
  EXPECT_EQ(At(JoinedState(graph_, many, parts)).kind(), ValueKind::kTuple);
  EXPECT_EQ(At(JoinedState(graph_, parts, ValueGraph::kNoneId)).kind(),
            ValueKind::kTuple);
}

TEST_F(ObjectStatesTest, CompiledModules) {
  const ValueId module = graph_.AddInt(7);
  const ValueId state = CompiledModuleState(graph_, module);
  EXPECT_THAT(Keys(state), ElementsAre("_parameters", "_buffers", "_modules"));
  EXPECT_EQ(At(state).Find("_modules")->Find("_orig_mod")->id(), module);
  EXPECT_EQ(At(state).Find("_buffers")->size(), 0u);
}

}  // namespace
}  // namespace hoist
