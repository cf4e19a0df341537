#include "hoist/checkpoint/pickle/tensor_names.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;

class NameTensorsTest : public ::testing::Test {
 protected:
  ValueId Tensor() {
    unnamed_.push_back(
        {.storage_offset = static_cast<int64_t>(unnamed_.size())});
    return graph_.Add({.kind = ValueKind::kTensor,
                       .data = static_cast<int64_t>(unnamed_.size() - 1)});
  }
  ValueId Text(const std::string& text) { return graph_.AddString(text); }
  ValueId Dict(std::vector<ValueId> items) {
    return graph_.AddItems(ValueKind::kDict, std::move(items));
  }
  ValueId List(std::vector<ValueId> items) {
    return graph_.AddItems(ValueKind::kList, std::move(items));
  }
  ValueId Object(ValueGraph::Items arguments, ValueId state) {
    return graph_.Add({.kind = ValueKind::kOpaque,
                       .type = graph_.AddClass("my", "Class"),
                       .state = state,
                       .data = std::move(arguments)});
  }

  std::vector<std::string> Names(ValueId root) {
    auto tensors = NameTensors(graph_, root, unnamed_);
    HOIST_EXPECT_OK(tensors.status());
    std::vector<std::string> names;
    if (tensors.ok()) {
      for (const TensorEntry& tensor : *tensors) {
        names.push_back(tensor.name);
      }
      tensors_ = *std::move(tensors);
    }
    return names;
  }

  ValueGraph graph_;
  std::vector<TensorEntry> unnamed_;
  std::vector<TensorEntry> tensors_;
};

TEST_F(NameTensorsTest, PlacesAreItemsOfWhatHoldsTheTensors) {
  const ValueId list = List({graph_.AddInt(1), Tensor()});
  const ValueId attributes = Dict({Text("x"), Tensor()});
  const ValueId root = Dict({Text("list"), list, Text("object"),
                             Object({}, attributes), Text("w"), Tensor()});
  std::vector<ValuePlace> places;
  HOIST_ASSERT_OK(NameTensors(graph_, root, unnamed_, {}, &places));
  EXPECT_THAT(places,
              ElementsAre(ValuePlace{list, 1}, ValuePlace{attributes, 1},
                          ValuePlace{root, 5}));
  std::vector<ValuePlace> place;
  const ValueId only = Tensor();  // first, as it adds to what is given too
  HOIST_ASSERT_OK(NameTensors(graph_, only, unnamed_, {}, &place));
  EXPECT_THAT(place, ElementsAre(ValuePlace{}));
}

TEST_F(NameTensorsTest, NamesAreTheKeysFromTheRoot) {
  const ValueId list = List({Tensor(), graph_.AddInt(1), Tensor()});
  EXPECT_THAT(
      Names(Dict({Text("a.b"), Tensor(), graph_.AddInt(0),
                  Dict({Text("x"), Tensor(), Text(""), Tensor()}), Text("list"),
                  list, Text("other"), graph_.AddInt(3)})),
      // In the file's order, not that of creation.
      ElementsAre("a.b", "0.x", "0.", "list.0", "list.2"));
}

TEST_F(NameTensorsTest, KeysAreAsPythonShowsThem) {
  const ValueId tuple =
      graph_.AddItems(ValueKind::kTuple, {Text("a"), graph_.AddInt(1)});
  const ValueId single = graph_.AddItems(ValueKind::kTuple, {Text("a")});
  EXPECT_THAT(
      Names(Dict({ValueGraph::kNoneId, Tensor(), ValueGraph::kTrueId, Tensor(),
                  graph_.AddInt(-1), Tensor(),
                  graph_.Add({.kind = ValueKind::kFloat, .data = 0.5}),
                  Tensor(), tuple, Tensor(), single, Tensor(),
                  graph_.Add({.kind = ValueKind::kBytes, .data = "x"}),
                  Tensor()})),
      ElementsAre("None", "True", "-1", "0.5", "('a', 1)", "('a',)", "b'x'"));
}

TEST_F(NameTensorsTest, KeysThatAreCollections) {
  const ValueId one = graph_.AddInt(1);
  const auto typed = [this](ValueKind kind, std::vector<ValueId> items,
                            const char* module, const char* name) {
    return graph_.AddItems(kind, items, graph_.AddClass(module, name));
  };
  EXPECT_THAT(
      Names(Dict(
          {typed(ValueKind::kTuple, {one}, "torch", "Size"), Tensor(),
           typed(ValueKind::kSet, {one}, "builtins", "frozenset"), Tensor(),
           typed(ValueKind::kSet, {}, "builtins", "frozenset"), Tensor(),
           typed(ValueKind::kOpaque, {one, one, one}, "builtins", "range"),
           Tensor()})),
      ElementsAre("torch.Size([1])", "frozenset({1})", "frozenset()",
                  "range(1, 1)"));
}

TEST_F(NameTensorsTest, TheRootMayBeATensor) {
  EXPECT_THAT(Names(Tensor()), ElementsAre(""));
}

TEST_F(NameTensorsTest, AnEmptyKeyIsAKey) {
  EXPECT_THAT(Names(Dict({Text(""), Dict({Text("a"), Tensor()})})),
              ElementsAre(".a"));
}

TEST_F(NameTensorsTest, ATensorInTwoPlacesHasTwoEntries) {
  const ValueId tensor = Tensor();
  const ValueId unused = Tensor();
  EXPECT_THAT(Names(Dict({Text("a"), ValueGraph::kNoneId, Text("b"), tensor,
                          Text("c"), tensor})),
              ElementsAre("b", "c"));
  EXPECT_EQ(Value(&graph_, tensor).AsIndex(), 0);
  EXPECT_EQ(Value(&graph_, unused).AsIndex(), -1);
}

TEST_F(NameTensorsTest, CollectionsThatContainThemselvesEnd) {
  const ValueId list = List({Tensor()});
  std::get<ValueGraph::Items>(graph_.node(list).data).push_back(list);
  EXPECT_THAT(Names(Dict({Text("l"), list})), ElementsAre("l.0"));
}

TEST_F(NameTensorsTest, AttributesOfObjectsAreLikeKeys) {
  const ValueId state = Dict({Text("weight"), Tensor()});
  EXPECT_THAT(Names(Dict({Text("obj"), Object({Tensor()}, state)})),
              ElementsAre("obj.0", "obj.weight"));
}

TEST_F(NameTensorsTest, AttributesInSlotsAreLikeOthers) {
  const ValueId slots = Dict({Text("b"), Tensor()});
  const ValueId both =
      graph_.AddItems(ValueKind::kTuple, {Dict({Text("a"), Tensor()}), slots});
  const ValueId only = graph_.AddItems(
      ValueKind::kTuple, {ValueGraph::kNoneId, Dict({Text("c"), Tensor()})});
  // Two tensors are no attributes.
  const ValueId other =
      graph_.AddItems(ValueKind::kTuple, {Tensor(), Tensor()});
  EXPECT_THAT(
      Names(List({Object({}, both), Object({}, only), Object({}, other)})),
      ElementsAre("0.a", "0.b", "1.c", "2.0", "2.1"));
}

TEST_F(NameTensorsTest, WhatTorchScriptPacksIsLikeATuple) {
  const ValueId packed = graph_.AddItems(
      ValueKind::kTuple, {List({Tensor(), Tensor()}), Text("__torch__.X")});
  EXPECT_THAT(Names(List({Object({}, packed)})), ElementsAre("0.0", "0.1"));
}

TEST_F(NameTensorsTest, OtherAttributesOfModulesComeLast) {
  const ValueId weight = Tensor();
  const ValueId anchors = Tensor();
  const auto module = [this](std::vector<ValueId> parameters,
                             std::vector<ValueId> modules,
                             std::vector<ValueId> others) {
    std::vector<ValueId> state = {
        Text("_parameters"), Dict(std::move(parameters)),
        Text("_buffers"),    Dict({}),
        Text("_modules"),    Dict(std::move(modules))};
    state.insert(state.end(), others.begin(), others.end());
    return Object({}, Dict(state));
  };
  const ValueId inner = module(
      {Text("weight"), weight}, {},
      {Text("anchors"), List({anchors, weight}), Text("n"), graph_.AddInt(1)});
  const ValueId outer = module({}, {Text("a"), inner}, {});
  // It also refers to the module that it is in.
  auto& state =
      std::get<ValueGraph::Items>(graph_.node(graph_.node(inner).state).data);
  state.push_back(Text("parent"));
  state.push_back(outer);
  const ValueId last = Tensor();
  EXPECT_THAT(Names(List({outer, last})),
              ElementsAre("0.a.weight", "1", "0.a.anchors.0"));
  EXPECT_TRUE(tensors_[0].is_persistent);
  EXPECT_FALSE(tensors_[2].is_persistent);
}

TEST_F(NameTensorsTest, ModulesAreWalkedAsTheirStateDictIs) {
  const auto module = [this](std::vector<ValueId> parameters,
                             std::vector<ValueId> buffers,
                             std::vector<ValueId> modules,
                             std::vector<ValueId> left_out = {}) {
    return Object(
        {},
        Dict({Text("training"), ValueGraph::kTrueId, Text("cached"), Tensor(),
              Text("_modules"), Dict(std::move(modules)), Text("_buffers"),
              Dict(std::move(buffers)), Text("_parameters"),
              Dict(std::move(parameters)), Text("_non_persistent_buffers_set"),
              graph_.AddItems(ValueKind::kSet, std::move(left_out))}));
  };
  const ValueId inner = module(
      {Text("weight"), Tensor(), Text("bias"), ValueGraph::kNoneId},
      {Text("mean"), Tensor(), Text("mask"), Tensor()}, {}, {Text("mask")});
  EXPECT_THAT(Names(module({Text("scale"), Tensor()}, {},
                           {Text("0"), inner, Text("1"), inner})),
              ElementsAre("scale", "0.weight", "0.mean", "0.mask", "1.weight",
                          "1.mean", "1.mask", "cached", "0.cached"));
  EXPECT_TRUE(tensors_[2].is_persistent);
  EXPECT_FALSE(tensors_[3].is_persistent);
}

TEST_F(NameTensorsTest, DepthIsNoRecursion) {
  ValueId value = Tensor();
  for (int i = 0; i < 100'000; ++i) {
    value = List({value});
  }
  const auto names = Names(value);
  ASSERT_EQ(names.size(), 1u);
  EXPECT_EQ(names[0].size(), 199'999u);
}

// --- limits: at each, and one past it ----------------------------------------

// Each module of 30,000 inside each other has a name as long as its depth.
TEST_F(NameTensorsTest, NamesOfModulesWithoutTensorsAreBounded) {
  const ValueId empty = Dict({});
  ValueId value = empty;
  for (int i = 0; i < 30'000; ++i) {
    value = Object({}, Dict({Text("_parameters"), empty, Text("_buffers"),
                             empty, Text("_modules"),
                             Dict({Text(std::string(50, 'k')), value})}));
  }
  EXPECT_THAT(NameTensors(graph_, value, unnamed_).status(),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       ::testing::HasSubstr("the names of the tensors take")));
}

TEST_F(NameTensorsTest, ALongKeyInManyPlacesIsBounded) {
  const ValueId dict = Dict({Text(std::string(1 << 20, 'k')), Text("v")});
  EXPECT_THAT(
      NameTensors(graph_, List(std::vector<ValueId>(256, dict)), unnamed_)
          .status(),
      StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(
      NameTensors(graph_, List(std::vector<ValueId>(255, dict)), unnamed_)
          .status(),
      IsOk());
}

TEST_F(NameTensorsTest, WhatHadNoEntryHasNoneWhenNamedAgain) {
  const ValueId lost = Tensor();
  const ValueId root = Dict({Text("a"), Tensor(), Text("b"), lost});
  const ValueId part = Dict({Text("a"), Value(&graph_, root).value(0).id()});
  for (int i = 0; i < 3; ++i) {
    const auto named = NameTensors(graph_, part, unnamed_);
    HOIST_ASSERT_OK(named.status());
    ASSERT_EQ(named->size(), 1);
    EXPECT_EQ(std::get<int64_t>(graph_.node(lost).data), -1);
    unnamed_ = *named;
  }
  // Nor if it can be reached then.
  const auto named = NameTensors(graph_, root, unnamed_);
  HOIST_ASSERT_OK(named.status());
  EXPECT_EQ(named->size(), 1);
  EXPECT_EQ(std::get<int64_t>(graph_.node(lost).data), -1);
}

TEST_F(NameTensorsTest, PlacesAreBounded) {
  // Each list holds the one before it twice: 1 + 2 + 4 + ... places.
  ValueId value = Tensor();
  for (int i = 0; i < 9; ++i) {
    value = List({value, value});
  }
  HOIST_EXPECT_OK(
      NameTensors(graph_, value, unnamed_, {.max_visits = 1023}).status());
  EXPECT_THAT(
      NameTensors(graph_, value, unnamed_, {.max_visits = 1022}).status(),
      StatusIs(absl::StatusCode::kResourceExhausted,
               "values are inside each other in more than 1022 places"));
}

TEST_F(NameTensorsTest, EntriesAreBounded) {
  const ValueId root = List(std::vector<ValueId>(100, Tensor()));
  HOIST_EXPECT_OK(
      NameTensors(graph_, root, unnamed_, {.max_entries = 100}).status());
  EXPECT_THAT(NameTensors(graph_, root, unnamed_, {.max_entries = 99}).status(),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       "tensors are in more than 99 places"));
}

TEST_F(NameTensorsTest, EntriesAreInProportionToTheValues) {
  // 10,000 places in 200 items.
  const ValueId inner = List(std::vector<ValueId>(100, Tensor()));
  const ValueId middle = List(std::vector<ValueId>(100, inner));
  NamingLimits limits = {.max_entries_per_item = 0};
  HOIST_EXPECT_OK(NameTensors(graph_, middle, unnamed_, limits).status());
  const ValueId both = List({middle, Tensor()});
  EXPECT_THAT(NameTensors(graph_, both, unnamed_, limits).status(),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       "tensors are in more than 10000 places"));
  // One more for each of the 204 items: 200 and 4 here.
  limits.max_entries_per_item = 1;
  const ValueId fewer = List({middle, inner, inner, Tensor()});
  HOIST_EXPECT_OK(NameTensors(graph_, fewer, unnamed_, limits).status());
  const ValueId past_limit = List({middle, inner, inner, inner});
  EXPECT_THAT(NameTensors(graph_, past_limit, unnamed_, limits).status(),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       "tensors are in more than 10204 places"));
}

TEST_F(NameTensorsTest, AShortPickleCannotNameMillionsOfTensors) {
  ValueId value = Tensor();
  for (int i = 0; i < 24; ++i) {
    value = List({value, value});
  }
  EXPECT_THAT(NameTensors(graph_, value, unnamed_).status(),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       "tensors are in more than 10768 places"));
}

TEST_F(NameTensorsTest, NamesAreBounded) {
  const ValueId root = Dict({Text("12345678"), Tensor()});
  HOIST_EXPECT_OK(
      NameTensors(graph_, root, unnamed_, {.max_name_bytes = 8}).status());
  const ValueId longer = Dict({Text("123456789"), Tensor()});
  EXPECT_THAT(
      NameTensors(graph_, longer, unnamed_, {.max_name_bytes = 8}).status(),
      StatusIs(absl::StatusCode::kResourceExhausted,
               "the names of the tensors take more than 8 bytes"));
}

}  // namespace
}  // namespace hoist
