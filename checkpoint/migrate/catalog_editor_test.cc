#include "hoist/checkpoint/migrate/catalog_editor.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/migrate/tensor_transforms.h"
#include "hoist/checkpoint/migrate/test_parts.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class CatalogEditorTest : public testing::Test {
 protected:
  void Open(ValueId root) { Open(test_.Parts(root)); }
  void Open(CheckpointParts parts) {
    auto editor = CatalogEditor::Create(std::move(parts));
    HOIST_ASSERT_OK(editor);
    editor_ = *std::move(editor);
  }
  size_t Index(absl::string_view name) {
    for (const size_t i : editor_->Tensors()) {
      if (editor_->name(i) == name) {
        return i;
      }
    }
    ADD_FAILURE() << name;
    return 0;
  }
  void Cast(absl::string_view name, DType dtype) {
    const size_t i = Index(name);
    auto made = editor_->Derive({editor_->tensor(i)}, 0, dtype);
    HOIST_ASSERT_OK(made);
    editor_->Replace(i, *std::move(made));
  }
  CheckpointParts Finish() {
    auto parts = editor_->Finish();
    HOIST_EXPECT_OK(parts);
    return parts.ok() ? *std::move(parts) : CheckpointParts{};
  }
  void ExpectRefused(absl::string_view message) {
    EXPECT_THAT(editor_->Finish(), StatusIs(absl::StatusCode::kInvalidArgument,
                                            HasSubstr(std::string(message))));
  }

  TestParts test_;
  std::unique_ptr<CatalogEditor> editor_;
};

TEST_F(CatalogEditorTest, NothingChangesByItself) {
  const ValueId list = test_.List({test_.Tensor({1}), test_.Tensor({2})});
  CheckpointParts before = test_.Parts(test_.Dict(
      {test_.Text("w"), test_.Tensor({2, 2}), test_.Text("list"), list}));
  Open(before);
  const CheckpointParts after = Finish();
  EXPECT_EQ(TensorsOf(after), TensorsOf(before));
  EXPECT_EQ(KeysOf(after.catalog.root()), KeysOf(before.catalog.root()));
  EXPECT_NE(after.catalog.values, before.catalog.values);
}

TEST_F(CatalogEditorTest, ADictHasTheNewNamesInTheOldPlaces) {
  Open(test_.Dict({test_.Text("a"), test_.Tensor({1}), test_.Text("epoch"),
                   test_.graph().AddInt(7), test_.Text("b"), test_.Tensor({1}),
                   test_.Text("c"), test_.Tensor({1})}));
  editor_->Rename(Index("a"), "x.a");
  editor_->Drop(Index("b"));
  const size_t c = Index("c");
  TensorEntry copy = editor_->tensor(c);
  copy.name = "c2";
  editor_->AddBeside(c, copy);
  copy.name = "end";
  editor_->Add(copy);
  const CheckpointParts after = Finish();
  EXPECT_THAT(KeysOf(after.catalog.root()),
              ElementsAre("x.a", "epoch", "c", "c2", "end"));
  EXPECT_THAT(TensorsOf(after),
              ElementsAre("x.a float32[1] 0", "c float32[1] 2",
                          "c2 float32[1] 2", "end float32[1] 2"));
}

TEST_F(CatalogEditorTest, NamesMoveBetweenDicts) {
  const ValueId inner = test_.Dict(
      {test_.Text("a"), test_.Tensor({1}), test_.Text("b"), test_.Tensor({1})});
  Open(test_.Dict(
      {test_.Text("top"), test_.Tensor({1}), test_.Text("model"), inner}));
  editor_->Rename(Index("model.a"), "a");
  // Its own dict goes on to hold what it can.
  editor_->Rename(Index("top"), "model.top");
  const CheckpointParts after = Finish();
  EXPECT_THAT(TensorsOf(after),
              ElementsAre("model.top float32[1] 2", "model.b float32[1] 1",
                          "a float32[1] 0"));
  EXPECT_THAT(KeysOf(after.catalog.root()),
              ElementsAre("model.top", "model", "a"));
}

TEST_F(CatalogEditorTest, CastTensorsThatWereTiedAreTied) {
  const ValueId tied = test_.Tensor({2});
  const ValueId view = test_.View(0, {2});
  Open(test_.Dict(
      {test_.Text("a"), tied, test_.Text("b"), tied, test_.Text("c"), view}));
  Cast("a", DType::kFloat16);
  Cast("b", DType::kFloat16);
  Cast("c", DType::kFloat16);
  const CheckpointParts after = Finish();
  EXPECT_THAT(
      TensorsOf(after),
      ElementsAre("a float16[2] 0 1", "b float16[2] 0 1", "c float16[2] 0 1"));
  EXPECT_EQ(after.catalog.storages.size(), 2u);
  const Value root = after.catalog.root();
  EXPECT_EQ(root.value(0).id(), root.value(1).id());
  EXPECT_NE(root.value(0).id(), root.value(2).id());
}

TEST_F(CatalogEditorTest, OneOfTwoNamesOfATensorChangesAlone) {
  const ValueId tied = test_.Tensor({2});
  Open(test_.Dict({test_.Text("a"), tied, test_.Text("b"), tied}));
  Cast("b", DType::kFloat16);
  EXPECT_THAT(TensorsOf(Finish()),
              ElementsAre("a float32[2] 0 1", "b float16[2] 0 1"));
}

TEST_F(CatalogEditorTest, MetadataGoesWithTheModules) {
  Open(test_.StateDict({{"net.0.weight", {1}}, {"net.1.weight", {1}}},
                       {{"", 1}, {"net", 1}, {"net.0", 2}, {"net.1", 3}}));
  editor_->Rename(Index("net.0.weight"), "body.0.weight");
  editor_->Drop(Index("net.1.weight"));
  const auto state_dicts = editor_->StateDicts();
  ASSERT_EQ(state_dicts.size(), 1u);
  EXPECT_EQ(state_dicts[0].versions.at("net.1"), 3);
  editor_->SetVersion(state_dicts[0].id, "body.0", 5);
  EXPECT_THAT(VersionsOf(Finish().catalog.root()),
              ElementsAre(" 1", "body 1", "body.0 5"));
}

TEST_F(CatalogEditorTest, AVersionLeavesWhatElseAModuleHas) {
  const ValueId dict =
      test_.StateDict({{"fc.weight", {1}}}, {{"", 1}, {"fc", 1}});
  const Value metadata = *Value(&test_.graph(), dict).state().Find("_metadata");
  const ValueId entry = metadata.value(1).id();
  auto& items = std::get<ValueGraph::Items>(test_.graph().node(entry).data);
  const ValueId norm = test_.Text("spectral_norm");
  items.push_back(norm);
  items.push_back(test_.Dict({test_.Text("weight.version"), norm}));
  Open(dict);
  editor_->SetVersion(editor_->StateDicts()[0].id, "fc", 2);
  const CheckpointParts after = Finish();
  EXPECT_THAT(VersionsOf(after.catalog.root()), ElementsAre(" 1", "fc 2"));
  const auto changed =
      after.catalog.root().state().Find("_metadata")->Find("fc");
  EXPECT_THAT(KeysOf(*changed), ElementsAre("version", "spectral_norm"));
}

TEST_F(CatalogEditorTest, ATensorWithTwoNamesIsInItsDictUnderOneKey) {
  const ValueId dict = test_.StateDict({{"fc.weight", {1}}}, {{"", 1}});
  Open(test_.Dict({test_.Text("model"), dict, test_.Text("ema"), dict}));
  const auto state_dicts = editor_->StateDicts();
  ASSERT_EQ(state_dicts.size(), 1u);
  EXPECT_EQ(state_dicts[0].tensors.size(), 2u);
  EXPECT_THAT(state_dicts[0].keys, ElementsAre("fc.weight", "fc.weight"));
}

TEST_F(CatalogEditorTest, ANewValueHoldsTensorsThatWereDropped) {
  Open(test_.StateDict({{"q.weight", {2}}, {"q.scale", {1}}},
                       {{"", 1}, {"q", 1}}));
  const size_t weight = Index("q.weight");
  ValueGraph& graph = editor_->graph();
  const ValueId tuple = graph.AddItems(
      ValueKind::kTuple, {editor_->value(weight), ValueGraph::kNoneId});
  editor_->Drop(weight);
  editor_->AddValue("q.packed", tuple);
  const CheckpointParts after = Finish();
  EXPECT_THAT(KeysOf(after.catalog.root()), ElementsAre("q.scale", "q.packed"));
  EXPECT_THAT(TensorsOf(after),
              ElementsAre("q.scale float32[1] 2", "q.packed.0 float32[2] 0 1"));
}

TEST_F(CatalogEditorTest, AWrapperOfTheRootHasAVersionOfItsOwn) {
  Open(test_.StateDict({{"fc.weight", {1}}}, {{"", 4}, {"fc", 1}}));
  editor_->Rename(Index("fc.weight"), "module.fc.weight");
  EXPECT_THAT(VersionsOf(Finish().catalog.root()),
              ElementsAre(" 1", "module 4", "module.fc 1"));
}

TEST_F(CatalogEditorTest, ValuesOfAStateDictAreRenamedToo) {
  Open(test_.StateDict(
      TestParts::Items{test_.Text("q.weight"), test_.Tensor({1}),
                       test_.Text("q._extra_state"), test_.graph().AddInt(3)},
      {{"", 1}, {"q", 1}}));
  ASSERT_EQ(editor_->Values().size(), 1u);
  EXPECT_EQ(editor_->name(editor_->Values()[0]), "q._extra_state");
  editor_->Rename(editor_->Values()[0], "p._extra_state");
  editor_->Rename(Index("q.weight"), "p.weight");
  const CheckpointParts after = Finish();
  EXPECT_THAT(KeysOf(after.catalog.root()),
              ElementsAre("p.weight", "p._extra_state"));
  EXPECT_THAT(VersionsOf(after.catalog.root()), ElementsAre(" 1", "p 1"));
  EXPECT_EQ(after.catalog.root().value(1).AsInt(), 3);
}

TEST_F(CatalogEditorTest, ItemsOfListsChangeInTheirPlaceOnly) {
  const ValueId list = test_.List({test_.Tensor({2}), test_.Tensor({1})});
  const ValueId root = test_.Dict({test_.Text("list"), list});
  Open(root);
  Cast("list.0", DType::kInt8);
  EXPECT_THAT(TensorsOf(Finish()),
              ElementsAre("list.0 int8[2] 0 1", "list.1 float32[1] 2"));
  Open(root);
  editor_->Drop(Index("list.1"));
  ExpectRefused("Tensor list.1 is no value of a dict under a name");
}

// As a model's object, whose attributes have no names of their own to change.
TEST_F(CatalogEditorTest, WithoutADictTensorsComeIntoOne) {
  const ValueId root =
      test_.List({test_.Tensor({2}), test_.Tensor({1}), test_.Tensor({3})});
  Open(root);
  editor_->Rename(Index("0"), "a.b");
  const size_t dropped = Index("1");
  TensorEntry part = editor_->tensor(dropped);
  editor_->Drop(dropped);
  part.name = "part";
  editor_->AddBeside(dropped, part);
  part.name = "end";
  editor_->Add(part);
  const CheckpointParts after = Finish();
  EXPECT_THAT(TensorsOf(after),
              ElementsAre("a.b float32[2] 0 1", "part float32[1] 2",
                          "2 float32[3] 3 4 5", "end float32[1] 2"));
  EXPECT_THAT(KeysOf(after.catalog.root()),
              ElementsAre("a.b", "part", "2", "end"));
  EXPECT_THAT(after.catalog.warnings,
              ElementsAre(HasSubstr("Only the tensors are kept")));

  // What no state dict has is left out, unless it is asked for.
  for (const bool is_asked_for : {false, true}) {
    CheckpointParts parts = test_.Parts(root);
    parts.catalog.tensors[1].is_persistent = false;
    Open(std::move(parts));
    editor_->Rename(Index(is_asked_for ? "1" : "0"), "new");
    EXPECT_EQ(KeysOf(Finish().catalog.root()),
              is_asked_for ? std::vector<std::string>({"0", "new", "2"})
                           : std::vector<std::string>({"new", "2"}));
  }

  // What is only cast stays where it is.
  Open(root);
  Cast("0", DType::kFloat64);
  const CheckpointParts cast = Finish();
  EXPECT_EQ(cast.catalog.root().kind(), ValueKind::kList);
  EXPECT_THAT(cast.catalog.warnings, IsEmpty());
}

TEST_F(CatalogEditorTest, TheRootMayBeATensor) {
  Open(test_.Tensor({2}));
  Cast("", DType::kFloat64);
  EXPECT_THAT(TensorsOf(Finish()), ElementsAre(" float64[2] 0 1"));
}

TEST_F(CatalogEditorTest, TwoNamesOfOneDictChangeTogether) {
  const ValueId shared = test_.Dict({test_.Text("w"), test_.Tensor({1})});
  const ValueId root =
      test_.Dict({test_.Text("a"), shared, test_.Text("b"), shared});
  Open(root);
  editor_->Rename(Index("a.w"), "a.v");
  ExpectRefused("a.w and b.w are one place of one dict that has two names");
  Open(root);
  editor_->Rename(Index("a.w"), "a.v");
  editor_->Rename(Index("b.w"), "b.v");
  EXPECT_THAT(NamesOf(Finish()), ElementsAre("a.v", "b.v"));
  Open(root);
  editor_->Drop(Index("a.w"));
  editor_->Drop(Index("b.w"));
  EXPECT_THAT(NamesOf(Finish()), IsEmpty());
}

TEST_F(CatalogEditorTest, TwoTensorsCannotHaveOneName) {
  Open(test_.Dict({test_.Text("a"), test_.Tensor({1}), test_.Text("b"),
                   test_.Tensor({1})}));
  editor_->Rename(Index("a"), "b");
  ExpectRefused("Two tensors would have the name b: what were a and b");
}

TEST_F(CatalogEditorTest, APartOfACheckpointGetsADict) {
  CheckpointParts parts =
      test_.Parts(test_.Dict({test_.Text("a"), test_.Tensor({1}),
                              test_.Text("b"), test_.Tensor({1})}));
  parts.catalog.tensors.erase(parts.catalog.tensors.begin());
  Open(parts);
  editor_->Rename(Index("b"), "x.y");
  const CheckpointParts after = Finish();
  EXPECT_THAT(TensorsOf(after), ElementsAre("x.y float32[1] 1"));
  EXPECT_THAT(KeysOf(after.catalog.root()), ElementsAre("x.y"));
  EXPECT_THAT(after.catalog.warnings, ElementsAre(HasSubstr("Only the")));
}

TEST_F(CatalogEditorTest, ConstantsAreTensorsOfTheirOwn) {
  Open(test_.Dict({test_.Text("a"), test_.Tensor({1})}));
  for (const std::string name : {"one", "two"}) {
    auto constant = editor_->MakeConstant(name, DType::kInt16, {2, 2}, {3, 1});
    HOIST_ASSERT_OK(constant);
    editor_->Add(*std::move(constant));
  }
  const CheckpointParts after = Finish();
  EXPECT_THAT(TensorsOf(after),
              ElementsAre("a float32[1] 0", "one int16[2, 2] 259 259 259 259",
                          "two int16[2, 2] 259 259 259 259"));
  EXPECT_NE(after.catalog.tensors[1].storage, after.catalog.tensors[2].storage);
}

TEST_F(CatalogEditorTest, LazyBitsStayWithTheTensor) {
  const ValueId tensor = test_.Tensor({2});
  test_.entry(tensor).is_negative = true;
  const ValueId root =
      test_.Dict({test_.Text("a"), tensor, test_.Text("b"), test_.Tensor({2})});
  Open(root);
  Cast("a", DType::kFloat64);
  EXPECT_TRUE(Finish().catalog.tensors[0].is_negative);
  Open(root);
  EXPECT_THAT(editor_->Derive({editor_->tensor(0)}, 0, DType::kInt8),
              StatusIs(absl::StatusCode::kUnimplemented));
  EXPECT_THAT(editor_->Derive({editor_->tensor(0), editor_->tensor(1)}, 0,
                              DType::kFloat32),
              StatusIs(absl::StatusCode::kUnimplemented));
}

TEST_F(CatalogEditorTest, TensorsWithoutDataHaveNoneAfterwards) {
  const ValueId tensor = test_.Tensor({2});
  test_.entry(tensor).storage.reset();
  Open(test_.Dict({test_.Text("a"), tensor}));
  Cast("a", DType::kFloat16);
  const CheckpointParts after = Finish();
  EXPECT_EQ(after.catalog.tensors[0].spec.dtype, DType::kFloat16);
  EXPECT_FALSE(after.catalog.tensors[0].storage.has_value());
  EXPECT_EQ(after.files.size(), 1u);
}

}  // namespace
}  // namespace hoist
