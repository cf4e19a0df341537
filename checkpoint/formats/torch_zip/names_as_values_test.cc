#include "hoist/checkpoint/formats/torch_zip/names_as_values.h"

#include <memory>
#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoist {
namespace {

TensorEntry Quantized(std::string name, int64_t offset) {
  TensorEntry tensor;
  tensor.name = std::move(name);
  tensor.spec = {.dtype = DType::kQint8, .shape = {2}, .strides = {1}};
  tensor.storage = 0;
  tensor.storage_offset = offset;
  return tensor;
}

// A program's: its tensors are in objects of its own.
class WithNamesAsValuesTest : public ::testing::Test {
 protected:
  WithNamesAsValuesTest() {
    catalog_.format = Format::kTorchScript;
    catalog_.storages.push_back({.size_bytes = 4, .name = "data/0"});
  }

  // A value for the entry, that says how it is quantized.
  ValueId AddValue(int64_t entry, double scale) {
    const ValueId state = graph_->AddItems(
        ValueKind::kDict,
        {graph_->AddString("qscheme"),
         graph_->AddClass("torch", "per_tensor_affine"),
         graph_->AddString("scale"),
         graph_->Add({.kind = ValueKind::kFloat, .data = scale}),
         graph_->AddString("zero_point"), graph_->AddInt(3)});
    return graph_->Add(
        {.kind = ValueKind::kTensor, .state = state, .data = entry});
  }

  Catalog Named() {
    catalog_.values = graph_;
    return WithNamesAsValues(catalog_);
  }

  static double Scale(const Catalog& named, absl::string_view name) {
    const auto value = named.root().Find(name);
    if (!value || !value->state().Find("scale")) {
      return -1;
    }
    return value->state().Find("scale")->AsFloat();
  }

  Catalog catalog_;
  std::shared_ptr<ValueGraph> graph_ = std::make_shared<ValueGraph>();
};

TEST_F(WithNamesAsValuesTest, KeepsHowTensorsAreQuantized) {
  catalog_.tensors = {Quantized("a", 0), Quantized("b", 2)};
  AddValue(0, 0.5);
  AddValue(1, 0.25);
  const Catalog named = Named();
  EXPECT_EQ(named.root().ClassName(), "collections.OrderedDict");
  EXPECT_EQ(named.root().size(), 2u);
  EXPECT_EQ(Scale(named, "a"), 0.5);
  EXPECT_EQ(Scale(named, "b"), 0.25);
}

TEST_F(WithNamesAsValuesTest, ATensorInTwoPlacesHasOneValue) {
  catalog_.tensors = {Quantized("a", 0), Quantized("tied", 0)};
  AddValue(0, 0.5);
  EXPECT_EQ(Scale(Named(), "tied"), 0.5);
}

TEST_F(WithNamesAsValuesTest, TwoOverTheSameElementsAreToldApart) {
  catalog_.tensors = {Quantized("a", 0), Quantized("b", 0),
                      Quantized("either", 0)};
  AddValue(0, 0.5);
  AddValue(1, 0.25);
  const Catalog named = Named();
  EXPECT_EQ(Scale(named, "a"), 0.5);
  EXPECT_EQ(Scale(named, "b"), 0.25);
  EXPECT_EQ(Scale(named, "either"), -1);
}

// They come back with the tensor itself.
TEST_F(WithNamesAsValuesTest, ScalesAreNoTensorsOfTheirOwn) {
  catalog_.tensors = {Quantized("a", 0), Quantized("a.scales", 2),
                      Quantized("scales", 2)};
  AddValue(0, 0.5);
  const Catalog named = Named();
  EXPECT_FALSE(named.root().Find("a.scales"));
  EXPECT_TRUE(named.root().Find("scales"));
}

TEST_F(WithNamesAsValuesTest, WhatNoStateDictHasIsLeftOut) {
  catalog_.tensors = {Quantized("a", 0), Quantized("b", 2)};
  catalog_.tensors[1].is_persistent = false;
  const Catalog named = Named();
  EXPECT_EQ(named.root().size(), 1u);
  EXPECT_TRUE(named.root().Find("a"));
}

// Sparse tensors, each of indices and values.
class SparseNamesTest : public WithNamesAsValuesTest {
 protected:
  SparseNamesTest() {
    AddPart("a.indices", DType::kInt64, 0);
    AddPart("a.values", DType::kFloat32, 16);
    AddPart("b.indices", DType::kInt64, 0);  // shared by both
    AddPart("b.values", DType::kFloat32, 32);
    a_ = AddSparse(0, 1);
    b_ = AddSparse(0, 3);
  }

  void AddPart(std::string name, DType dtype, int64_t offset_bytes) {
    TensorEntry& part = catalog_.tensors.emplace_back();
    part.name = std::move(name);
    part.spec = {.dtype = dtype, .shape = {2}, .strides = {1}};
    part.storage = 0;
    part.storage_offset = offset_bytes * 8 / DTypeBits(dtype);
  }
  ValueId AddSparse(int64_t indices, int64_t values) {
    const auto tensor = [this](int64_t entry) {
      return graph_->Add({.kind = ValueKind::kTensor, .data = entry});
    };
    const ValueId state = graph_->AddItems(
        ValueKind::kDict, {graph_->AddString("indices"), tensor(indices),
                           graph_->AddString("values"), tensor(values)});
    const ValueId object = graph_->AddItems(
        ValueKind::kOpaque, {}, graph_->AddClass("torch", "sparse_coo_tensor"));
    graph_->node(object).state = state;
    return object;
  }
  static ValueId IdOf(const Catalog& named, absl::string_view name) {
    const auto value = named.root().Find(name);
    return value ? value->id() : ValueGraph::kNoneId;
  }

  ValueId a_;
  ValueId b_;
};

TEST_F(SparseNamesTest, StandInPlaceOfTheirParts) {
  const Catalog named = Named();
  EXPECT_EQ(named.root().size(), 2u);
  EXPECT_EQ(IdOf(named, "a"), a_);
  EXPECT_EQ(IdOf(named, "b"), b_);
}

TEST_F(SparseNamesTest, NoPartRequiresGrad) {
  catalog_.tensors[1].requires_grad = true;
  EXPECT_FALSE(Named().tensors[1].requires_grad);
}

TEST_F(SparseNamesTest, AnAliasIsTheSame) {
  AddPart("tied.indices", DType::kInt64, 0);
  AddPart("tied.values", DType::kFloat32, 32);
  EXPECT_EQ(IdOf(Named(), "tied"), b_);
}

TEST_F(SparseNamesTest, WithoutOnePartTheOthersArePlain) {
  catalog_.tensors[3].name = "b.other";
  const Catalog named = Named();
  EXPECT_EQ(IdOf(named, "a"), a_);
  EXPECT_FALSE(named.root().Find("b"));
  EXPECT_TRUE(named.root().Find("b.indices"));
  EXPECT_TRUE(named.root().Find("b.other"));
}

TEST_F(SparseNamesTest, OfTwoWithTheSamePartsNoneIsTaken) {
  AddSparse(0, 1);  // such as one of another size
  const Catalog named = Named();
  EXPECT_FALSE(named.root().Find("a"));
  EXPECT_TRUE(named.root().Find("a.indices"));
  EXPECT_EQ(IdOf(named, "b"), b_);
}

// A module may have tensors of such names.
TEST_F(SparseNamesTest, OthersOfTheseNamesArePlain) {
  AddPart("c.indices", DType::kInt64, 48);
  AddPart("c.values", DType::kFloat32, 32);
  const Catalog named = Named();
  EXPECT_FALSE(named.root().Find("c"));
  EXPECT_TRUE(named.root().Find("c.indices"));
  EXPECT_TRUE(named.root().Find("c.values"));
}

}  // namespace
}  // namespace hoist
