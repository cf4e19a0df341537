#include "hoist/checkpoint/pickle/composite_tensors.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/pickle/pickle_builder.h"
#include "hoist/checkpoint/pickle/tensor_names.h"
#include "hoist/checkpoint/pickle/torch_vocabulary.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace pickle_builder;  // NOLINT: a vocabulary for tests

// Reads a pickle, as the vocabulary of torch's names does, and names its
// tensors.
class CompositeTensorsTest : public ::testing::Test {
 protected:
  CompositeTensorsTest()
      : vocabulary_([](ValueGraph&,
                       Value) -> absl::StatusOr<TorchVocabulary::Persistent> {
          return PickledStorage{.dtype = DType::kFloat32, .location = "cpu"};
        }) {}

  // The names of the tensors in {"t": value}.
  std::vector<std::string> Names(const std::string& value) {
    graph_ = ValueGraph();
    graph_ = ValueGraph();
    const std::string pickle = Pickle(Dict({Text("t"), value}));
    const auto read = ReadPickle(
        {reinterpret_cast<const uint8_t*>(pickle.data()), pickle.size()},
        vocabulary_, graph_);
    HOIST_EXPECT_OK(read.status());
    if (!read.ok()) {
      return {};
    }
    root_ = read->root;
    const auto tensors = NameTensors(graph_, root_, vocabulary_.tensors());
    HOIST_EXPECT_OK(tensors.status());
    std::vector<std::string> names;
    for (const TensorEntry& tensor : *tensors) {
      names.push_back(tensor.name);
    }
    return names;
  }

  // The value under "t".
  Value value() { return *Value(&graph_, root_).Find("t"); }

  static std::string AnyTensor() {
    return Tensor(Text("id") + "Q", 0, {2}, {1});
  }
  static std::string Function(const std::string& name) {
    return Class("torch._utils", name);
  }
  static std::string Layout(const std::string& name) {
    return Call(Class("torch.serialization", "_get_layout"), {Text(name)});
  }
  static std::string Sparse(const std::string& layout,
                            const std::vector<std::string>& parts) {
    return Call(Function("_rebuild_sparse_tensor"),
                {Layout(layout), Tuple(parts)});
  }

  TorchVocabulary vocabulary_;
  ValueGraph graph_;
  ValueId root_ = ValueGraph::kNoneId;
};

TEST_F(CompositeTensorsTest, LayoutsAreNames) {
  Names(Layout("torch.sparse_csr"));
  EXPECT_EQ(value().kind(), ValueKind::kClass);
  EXPECT_EQ(value().AsString(), "torch.sparse_csr");
  Names(Layout("os.system"));
  EXPECT_EQ(value().kind(), ValueKind::kOpaque);
}

TEST_F(CompositeTensorsTest, SparseTensorsAreListedByTheirParts) {
  const std::string size = Call(Class("torch", "Size"), {Ints({5, 5})});
  EXPECT_THAT(Names(Sparse("torch.sparse_coo",
                           {AnyTensor(), AnyTensor(), size, Bool(true)})),
              ElementsAre("t.indices", "t.values"));
  EXPECT_EQ(value().ClassName(), "torch.sparse_coo_tensor");
  EXPECT_EQ(value().state().Find("size")->size(), 2u);
  EXPECT_TRUE(value().state().Find("is_coalesced")->AsBool());
  // As PyTorch before 2.1 wrote it.
  EXPECT_THAT(
      Names(Sparse("torch.sparse_coo", {AnyTensor(), AnyTensor(), size})),
      ElementsAre("t.indices", "t.values"));
  for (const std::string layout : {"csr", "bsr"}) {
    EXPECT_THAT(Names(Sparse("torch.sparse_" + layout,
                             {AnyTensor(), AnyTensor(), AnyTensor(), size})),
                ElementsAre("t.crow_indices", "t.col_indices", "t.values"));
    EXPECT_EQ(value().ClassName(), "torch.sparse_" + layout + "_tensor");
  }
  for (const std::string layout : {"csc", "bsc"}) {
    EXPECT_THAT(Names(Sparse("torch.sparse_" + layout,
                             {AnyTensor(), AnyTensor(), AnyTensor(), size})),
                ElementsAre("t.ccol_indices", "t.row_indices", "t.values"));
  }
}

TEST_F(CompositeTensorsTest, SparseTensorsOfTorchScript) {
  const auto sparse = [](const std::vector<std::string>& arguments) {
    return Call(Function("_rebuild_sparse_tensor"), arguments);
  };
  EXPECT_THAT(Names(sparse({Int(1), Ints({2, 2}), Bool(false), AnyTensor(),
                            AnyTensor(), OrderedDict({})})),
              ElementsAre("t.indices", "t.values"));
  EXPECT_EQ(value().ClassName(), "torch.sparse_coo_tensor");
  EXPECT_EQ(value().state().Find("size")->size(), 2u);
  EXPECT_THAT(Names(sparse({Int(2), Ints({2, 2}), Bool(false), AnyTensor(),
                            AnyTensor(), AnyTensor(), OrderedDict({})})),
              ElementsAre("t.crow_indices", "t.col_indices", "t.values"));
  EXPECT_THAT(Names(sparse({Int(9), Ints({2, 2}), Bool(false), AnyTensor(),
                            AnyTensor(), OrderedDict({})})),
              ElementsAre("t.3", "t.4"));
}

TEST_F(CompositeTensorsTest, WhatIsNoSparseTensorStaysACall) {
  EXPECT_THAT(Names(Sparse("torch.strided", {AnyTensor(), Int(1), Int(2)})),
              ElementsAre("t.1.0"));
  EXPECT_THAT(Names(Sparse("torch.sparse_coo", {AnyTensor()})),
              ElementsAre("t.1.0"));
  EXPECT_EQ(value().ClassName(), "torch._utils._rebuild_sparse_tensor");
}

TEST_F(CompositeTensorsTest, NestedTensors) {
  EXPECT_THAT(
      Names(Call(Function("_rebuild_nested_tensor"),
                 {AnyTensor(), AnyTensor(), AnyTensor(), AnyTensor()})),
      ElementsAre("t.buffer", "t.sizes", "t.strides", "t.storage_offsets"));
  EXPECT_EQ(value().ClassName(), "torch.nested.nested_tensor");
}

std::string Wrapper(const std::string& type, const std::string& state) {
  return Call(Class("torch._tensor", "_rebuild_from_type_v2"),
              {Class("torch._utils", "_rebuild_wrapper_subclass"), type,
               Tuple({type, Class("torch", "float32"), Ints({4}), Ints({1}),
                      Int(0), "N", Text("cpu"), Bool(false)}),
               state});
}

TEST_F(CompositeTensorsTest, WrapperSubclassesHaveTheirStateForTensors) {
  const std::string type = Class("torch.distributed.tensor", "DTensor");
  const std::string dtensor =
      Wrapper(type, Tuple({"N", Dict({Text("_local_tensor"), AnyTensor(),
                                      Text("_spec"), Text("any")})}));
  EXPECT_THAT(Names(dtensor), ElementsAre("t._local_tensor"));
  EXPECT_EQ(value().ClassName(), "torch.distributed.tensor.DTensor");
  // A parameter of one.
  EXPECT_THAT(Names(Parameter(dtensor)), ElementsAre("t._local_tensor"));
  EXPECT_EQ(value().ClassName(), "torch.distributed.tensor.DTensor");
}

TEST_F(CompositeTensorsTest, AnObjectThatAParameterIsMadeOfStaysAsItIs) {
  const std::string object =
      Wrapper(Class("m", "T"), Dict({Text("inner"), AnyTensor()}));
  EXPECT_THAT(
      Names(Call(Class("torch._tensor", "_rebuild_from_type_v2"),
                 {Function("_rebuild_parameter"), Class("torch", "Tensor"),
                  Tuple({object, Bool(true), OrderedDict({})}),
                  Dict({Text("other"), Int(1)})})),
      ElementsAre("t.inner"));
  EXPECT_EQ(value().ClassName(), "m.T");
}

TEST_F(CompositeTensorsTest, ASparseTensorWithAttributesHasBoth) {
  EXPECT_THAT(Names(Call(Class("torch._tensor", "_rebuild_from_type_v2"),
                         {Class("torch._utils", "_rebuild_sparse_tensor"),
                          Class("torch", "Tensor"),
                          Tuple({Layout("torch.sparse_coo"),
                                 Tuple({AnyTensor(), AnyTensor(), Ints({5})})}),
                          Dict({Text("mask"), AnyTensor()})})),
              ElementsAre("t.indices", "t.values", "t.mask"));
  EXPECT_EQ(value().ClassName(), "torch.sparse_coo_tensor");
}

TEST_F(CompositeTensorsTest, AttributesOfTensorsAreListedBelowThem) {
  EXPECT_THAT(
      Names(Call(
          Class("torch._tensor", "_rebuild_from_type_v2"),
          {Class("torch._utils", "_rebuild_tensor_v2"), Class("mine", "Masked"),
           Tuple({Text("id") + "Q", Int(0), Ints({2}), Ints({1}), Bool(false),
                  OrderedDict({})}),
           Dict({Text("mask"), AnyTensor(), Text("note"), Int(1)})})),
      ElementsAre("t", "t.mask"));
  EXPECT_EQ(value().ClassName(), "mine.Masked");
}

TEST_F(CompositeTensorsTest, ChannelsOfQuantizedTensorsAreListedBelowThem) {
  EXPECT_THAT(Names(Call(Function("_rebuild_qtensor"),
                         {Text("id") + "Q", Int(0), Ints({2}), Ints({1}),
                          Tuple({Class("torch", "per_channel_affine"),
                                 AnyTensor(), AnyTensor(), Int(0)}),
                          Bool(false), OrderedDict({})})),
              ElementsAre("t", "t.scales", "t.zero_points"));
  EXPECT_EQ(value().state().Find("axis")->AsInt(), 0);
}

TEST_F(CompositeTensorsTest, JaggedTensors) {
  EXPECT_THAT(
      Names(Call(
          Class("torch._tensor", "_rebuild_from_type_v2"),
          {Class("torch.nested._internal.nested_tensor", "_rebuild_njt"),
           Class("torch.nested._internal.nested_tensor", "NestedTensor"),
           Tuple({Dict({Text("values"), AnyTensor(), Text("offsets"),
                        AnyTensor(), Text("lengths"), "N"})}),
           Dict({Text("_values"), AnyTensor(), Text("mine"), AnyTensor()})})),
      // The values are in both, and not the same.
      ElementsAre("t._values", "t._offsets", "t._values", "t.mine"));
  EXPECT_EQ(value().ClassName(),
            "torch.nested._internal.nested_tensor.NestedTensor");
}

// Many calls of a few bytes could be given the same ones.
TEST_F(CompositeTensorsTest, CallsWithMoreArgumentsThanThereAreStayCalls) {
  const auto wrapper = [](size_t count) {
    std::vector<std::string> arguments(count, Class("m", "T"));
    return Call(Class("torch._tensor", "_rebuild_from_type_v2"),
                {Function("_rebuild_wrapper_subclass"), Class("m", "T"),
                 Tuple(arguments), "N"});
  };
  Names(wrapper(64));
  EXPECT_EQ(value().ClassName(), "m.T");
  Names(wrapper(65));
  EXPECT_EQ(value().ClassName(), "torch._tensor._rebuild_from_type_v2");

  const auto jagged = [](int count) {
    std::vector<std::string> keywords;
    for (int i = 0; i < count; ++i) {
      keywords.push_back(Int(i));
      keywords.push_back("N");
    }
    return Call(Class("torch.nested._internal.nested_tensor", "_rebuild_njt"),
                {Dict(keywords)});
  };
  Names(jagged(16));
  EXPECT_EQ(value().ClassName(),
            "torch.nested._internal.nested_tensor.NestedTensor");
  Names(jagged(17));
  EXPECT_EQ(value().ClassName(),
            "torch.nested._internal.nested_tensor._rebuild_njt");
}

TEST_F(CompositeTensorsTest, CompiledModulesAreALayerOfTheirOwn) {
  const std::string module =
      Object(Class("torch.nn", "Linear"),
             Dict({Text("_parameters"), Dict({Text("weight"), AnyTensor()}),
                   Text("_buffers"), Dict({}), Text("_modules"), Dict({})}));
  EXPECT_THAT(Names(Call(Class("torch._dynamo.eval_frame", "OptimizedModule"),
                         {module, "N"})),
              ElementsAre("t._orig_mod.weight"));
}

TEST_F(CompositeTensorsTest, TensorsOfDevicesWithoutStorages) {
  EXPECT_THAT(Names(Call(Function("_rebuild_device_tensor_from_cpu_tensor"),
                         {AnyTensor(), Class("torch", "float32"), Text("xla:0"),
                          Bool(true)})),
              ElementsAre("t"));
  EXPECT_EQ(vocabulary_.tensors().back().location, "xla:0");
  EXPECT_TRUE(vocabulary_.tensors().back().requires_grad);
}

}  // namespace
}  // namespace hoist
