#include "hoist/tools/ui/python_repr.h"

#include "gtest/gtest.h"

namespace hoist {
namespace {

class PythonReprTest : public ::testing::Test {
 protected:
  std::string Repr(ValueId id) { return PythonRepr(Value(&graph_, id)); }
  ValueId Text(const char* text) { return graph_.AddString(text); }
  ValueId Items(ValueKind kind, std::vector<ValueId> items) {
    return graph_.AddItems(kind, std::move(items));
  }
  ValueGraph graph_;
};

TEST_F(PythonReprTest, IsPythons) {
  const ValueId one = graph_.AddInt(1);
  EXPECT_EQ(Repr(one), "1");
  EXPECT_EQ(Repr(ValueGraph::kNoneId), "None");
  EXPECT_EQ(Repr(Text("same")), "'same'");
  EXPECT_EQ(Repr(Text("it's")), "\"it's\"");
  EXPECT_EQ(Repr(Text("'\"\\")), "'\\'\"\\\\'");
  EXPECT_EQ(Repr(Items(ValueKind::kTuple, {one})), "(1,)");
  EXPECT_EQ(Repr(Items(ValueKind::kTuple, {one, one})), "(1, 1)");
  EXPECT_EQ(Repr(Items(ValueKind::kTuple, {})), "()");
  EXPECT_EQ(Repr(Items(ValueKind::kList, {one, Text("a")})), "[1, 'a']");
  EXPECT_EQ(Repr(Items(ValueKind::kDict, {Text("a"), one})), "{'a': 1}");
  EXPECT_EQ(Repr(Items(ValueKind::kSet, {})), "set()");
  EXPECT_EQ(Repr(Items(ValueKind::kSet, {one})), "{1}");
  EXPECT_EQ(Repr(graph_.AddClass("torch", "float32")), "torch.float32");
  EXPECT_EQ(Repr(graph_.AddClass("torch.nn", "Linear")),
            "<class 'torch.nn.Linear'>");
}

TEST_F(PythonReprTest, EndsForWhatContainsItself) {
  const auto containing_itself = [this](ValueKind kind, size_t count) {
    const ValueId id = Items(kind, {});
    std::get<ValueGraph::Items>(graph_.node(id).data).assign(count, id);
    return Repr(id);
  };
  EXPECT_EQ(containing_itself(ValueKind::kList, 1), "[[[[[...]]]]]");
  EXPECT_EQ(containing_itself(ValueKind::kTuple, 1), "(((((...,),),),),)");
  EXPECT_EQ(containing_itself(ValueKind::kSet, 1), "{{{{{...}}}}}");
  const std::string dict = containing_itself(ValueKind::kDict, 2);
  EXPECT_EQ(dict.substr(0, 12), "{{{{{...}: {");
  EXPECT_LT(dict.size(), 1000u);
}

TEST_F(PythonReprTest, DepthIsNoRecursion) {
  for (const ValueKind kind :
       {ValueKind::kList, ValueKind::kTuple, ValueKind::kSet}) {
    ValueId value = graph_.AddInt(1);
    for (int i = 0; i < 1'000'000; ++i) {
      value = Items(kind, {value});
    }
    EXPECT_LT(Repr(value).size(), 20u);
  }
}

TEST_F(PythonReprTest, WhatIsSharedManyTimesEnds) {
  ValueId list = graph_.AddString(std::string(1000, 'x'));
  for (int i = 0; i < 4; ++i) {
    list = Items(ValueKind::kList, std::vector<ValueId>(100, list));
  }
  const std::string text = Repr(list);
  EXPECT_LT(text.size(), size_t{1} << 20);
  EXPECT_EQ(text.substr(text.size() - 6), ", ...]");
}

}  // namespace
}  // namespace hoist
