#include "hoist/checkpoint/torch/pickled_attributes.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist::libtorch {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A pickled layer with a weight of [2, 3].
class PickledAttributesTest : public ::testing::Test {
 protected:
  PickledAttributesTest() {
    catalog_.storages = {{.size_bytes = 24, .name = "data/0"}};
    catalog_.tensors = {{.name = "fc.weight",
                         .spec = {DType::kFloat32, {2, 3}, {3, 1}},
                         .storage = 0},
                        {.name = "fc.huge",
                         .spec = {DType::kFloat32, {1'000'000}, {0}},
                         .storage = 0}};
    const ValueId weight =
        graph_.Add({.kind = ValueKind::kTensor, .data = int64_t{0}});
    const ValueId huge =
        graph_.Add({.kind = ValueKind::kTensor, .data = int64_t{1}});
    const ValueId parameters = graph_.AddItems(
        ValueKind::kDict,
        {graph_.AddString("weight"), weight, graph_.AddString("huge"), huge,
         graph_.AddString("bias"), ValueGraph::kNoneId});
    const ValueId pair = graph_.AddItems(ValueKind::kTuple,
                                         {graph_.AddInt(2), graph_.AddInt(3)});
    const ValueId state = graph_.AddItems(
        ValueKind::kDict, {graph_.AddString("_parameters"), parameters,
                           graph_.AddString("inplace"), ValueGraph::kTrueId,
                           graph_.AddString("groups"), graph_.AddInt(4),
                           graph_.AddString("momentum"), ValueGraph::kNoneId,
                           graph_.AddString("mode"), graph_.AddString("zeros"),
                           graph_.AddString("kernel_size"), pair});
    module_ = graph_.AddItems(ValueKind::kOpaque, {},
                              graph_.AddClass("torch.nn", "Layer"));
    graph_.node(module_).state = state;
  }
  PickledAttributes Attributes() {
    return PickledAttributes(catalog_, Value(&graph_, module_), "fc");
  }

  Catalog catalog_;
  ValueGraph graph_;
  ValueId module_ = 0;
};

TEST_F(PickledAttributesTest, GivesWhatIsThere) {
  PickledAttributes a = Attributes();
  EXPECT_TRUE(a.Bool("inplace"));
  EXPECT_EQ(a.Int("groups"), 4);
  EXPECT_EQ(a.Number("groups"), 4.0);
  EXPECT_EQ(a.NumberOrNone("momentum"), std::nullopt);
  EXPECT_EQ(a.Text("mode"), "zeros");
  EXPECT_THAT(a.Ints("kernel_size", 2), ElementsAre(2, 3));
  EXPECT_THAT(a.Ints("groups", 2), ElementsAre(4, 4));
  EXPECT_TRUE(a.HasTensor("weight"));
  EXPECT_FALSE(a.HasTensor("bias"));
  a.ExpectTensor("weight", {2, 3});
  a.MayHaveTensor("bias", {2});
  HOIST_EXPECT_OK(a.status());
}

TEST_F(PickledAttributesTest, WhatIsNotThereIsAnErrorWithItsPlace) {
  PickledAttributes a = Attributes();
  EXPECT_EQ(a.Int("stride"), 0);
  EXPECT_THAT(a.status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "Module \"fc\" (torch.nn.Layer): stride is not among "
                       "its attributes"));
}

TEST_F(PickledAttributesTest, OtherKindsAreErrors) {
  const auto error = [this](auto ask) {
    PickledAttributes a = Attributes();
    ask(a);
    return a.status();
  };
  EXPECT_THAT(error([](auto& a) { a.Int("mode"); }),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("mode is no integer")));
  EXPECT_THAT(error([](auto& a) { a.Bool("groups"); }),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("groups is neither True nor False")));
  EXPECT_THAT(error([](auto& a) { a.Number("momentum"); }),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("momentum is no number")));
  EXPECT_THAT(error([](auto& a) { a.Text("groups"); }),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("groups is no text")));
  EXPECT_THAT(error([](auto& a) { a.Ints("kernel_size", 3); }),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("kernel_size has 2 items, and not 3")));
  EXPECT_THAT(error([](auto& a) { a.Ints("momentum", 2); }),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("momentum is None")));
}

TEST_F(PickledAttributesTest, NothingIsMadeThatTheFileDoesNotFill) {
  const auto error = [this](absl::string_view name,
                            std::vector<int64_t> shape) {
    PickledAttributes a = Attributes();
    a.ExpectTensor(name, shape);
    return a.status();
  };
  EXPECT_THAT(error("bias", {2}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("bias is no tensor of it")));
  EXPECT_THAT(error("weight", {2, int64_t{1} << 40}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("weight has shape [2, 3], and by its "
                                 "attributes [2, 1099511627776]")));
  EXPECT_THAT(error("huge", {1'000'000}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("has not all of its elements in the file")));
}

}  // namespace
}  // namespace hoist::libtorch
