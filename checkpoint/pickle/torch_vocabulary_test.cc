#include "hoist/checkpoint/pickle/torch_vocabulary.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/pickle/pickle_builder.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace pickle_builder;  // NOLINT: a vocabulary for tests

// Reads a pickle whose persistent id is any text: a storage of 24 floats.
class TorchVocabularyTest : public ::testing::Test {
 protected:
  TorchVocabularyTest()
      : vocabulary_([](ValueGraph&,
                       Value) -> absl::StatusOr<TorchVocabulary::Persistent> {
          return PickledStorage{
              .index = 7, .dtype = DType::kFloat32, .location = "cuda:1"};
        }) {}

  absl::StatusOr<Value> Read(const std::string& value) {
    const std::string pickle = Pickle(value);
    const auto result = ReadPickle(
        {reinterpret_cast<const uint8_t*>(pickle.data()), pickle.size()},
        vocabulary_, graph_);
    if (!result.ok()) {
      return result.status();
    }
    return Value(&graph_, result->root);
  }

  absl::StatusOr<TensorEntry> ReadTensor(const std::string& value) {
    const auto read = Read(value);
    if (!read.ok()) {
      return read.status();
    }
    if (read->kind() != ValueKind::kTensor) {
      return absl::InternalError("no tensor: " + read->ClassName());
    }
    return vocabulary_.tensors()[read->AsIndex()];
  }

  static std::string AnyStorage() { return Text("id") + "Q"; }
  static std::string Function(const std::string& name) {
    return Class("torch._utils", name);
  }
  static std::string Dtype(const std::string& name) {
    return Class("torch", name);
  }

  TorchVocabulary vocabulary_;
  ValueGraph graph_;
};

TEST_F(TorchVocabularyTest, TensorOfTheFirstKind) {
  HOIST_ASSERT_OK_AND_ASSIGN(
      const TensorEntry tensor,
      ReadTensor(Call(Function("_rebuild_tensor"),
                      {AnyStorage(), Int(4), Ints({2, 3}), Ints({1, 2})})));
  EXPECT_EQ(tensor.storage, 7);
  EXPECT_EQ(tensor.storage_offset, 4);
  EXPECT_EQ(tensor.spec.dtype, DType::kFloat32);
  EXPECT_THAT(tensor.spec.shape, ElementsAre(2, 3));
  EXPECT_THAT(tensor.spec.strides, ElementsAre(1, 2));
  EXPECT_EQ(tensor.location, "cuda:1");
  EXPECT_FALSE(tensor.requires_grad);
  EXPECT_FALSE(tensor.is_parameter);
}

TEST_F(TorchVocabularyTest, TensorOfTheSecondKind) {
  HOIST_ASSERT_OK_AND_ASSIGN(
      const TensorEntry tensor,
      ReadTensor(Tensor(AnyStorage(), 0, {}, {}, /*requires_grad=*/true)));
  EXPECT_TRUE(tensor.requires_grad);
  EXPECT_THAT(tensor.spec.shape, ElementsAre());
}

TEST_F(TorchVocabularyTest, LazyBitsAreKept) {
  const auto with = [](const std::string& metadata) {
    return Call(Function("_rebuild_tensor_v2"),
                {AnyStorage(), Int(0), Ints({1}), Ints({1}), Bool(false),
                 OrderedDict({}), metadata});
  };
  HOIST_ASSERT_OK_AND_ASSIGN(
      TensorEntry tensor, ReadTensor(with(Dict({Text("conj"), Bool(true)}))));
  EXPECT_TRUE(tensor.is_conjugate);
  EXPECT_FALSE(tensor.is_negative);
  HOIST_ASSERT_OK_AND_ASSIGN(tensor,
                             ReadTensor(with(Dict({Text("neg"), Bool(true)}))));
  EXPECT_TRUE(tensor.is_negative);
  EXPECT_THAT(ReadTensor(with(Dict({Text("twisted"), Bool(true)}))).status(),
              StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("twisted")));
  EXPECT_THAT(ReadTensor(with(Int(1))).status(),
              StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(TorchVocabularyTest, TensorOfTheThirdKindBringsItsDtype) {
  HOIST_ASSERT_OK_AND_ASSIGN(
      const TensorEntry tensor,
      ReadTensor(Call(Function("_rebuild_tensor_v3"),
                      {AnyStorage(), Int(0), Ints({3}), Ints({1}), Bool(false),
                       OrderedDict({}), Dtype("float8_e4m3fn")})));
  EXPECT_EQ(tensor.spec.dtype, DType::kFloat8E4m3fn);
  EXPECT_THAT(
      ReadTensor(Call(Function("_rebuild_tensor_v3"),
                      {AnyStorage(), Int(0), Ints({3}), Ints({1}), Bool(false),
                       OrderedDict({}), Dtype("float3")}))
          .status(),
      StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("torch.float3")));
}

TEST_F(TorchVocabularyTest, ParametersAreMarked) {
  HOIST_ASSERT_OK_AND_ASSIGN(
      const TensorEntry tensor,
      ReadTensor(Parameter(Tensor(AnyStorage(), 2, {3}, {1}))));
  EXPECT_TRUE(tensor.is_parameter);
  EXPECT_TRUE(tensor.requires_grad);
  EXPECT_EQ(tensor.storage_offset, 2);
}

TEST_F(TorchVocabularyTest, AttributesOfTensorsAreTheirState) {
  const std::string state = Dict({Text("tag"), Int(5)});
  HOIST_ASSERT_OK_AND_ASSIGN(
      const Value parameter,
      Read(Call(Function("_rebuild_parameter_with_state"),
                {Tensor(AnyStorage(), 0, {3}, {1}), Bool(false),
                 OrderedDict({}), state})));
  EXPECT_EQ(parameter.kind(), ValueKind::kTensor);
  EXPECT_EQ(parameter.state().Find("tag")->AsInt(), 5);

  HOIST_ASSERT_OK_AND_ASSIGN(
      const Value subclass,
      Read(Call(Class("torch._tensor", "_rebuild_from_type_v2"),
                {Function("_rebuild_tensor_v2"),
                 Class("torch.nn.parameter", "Buffer"),
                 Tuple({AnyStorage(), Int(0), Ints({3}), Ints({1}), Bool(false),
                        OrderedDict({})}),
                 state})));
  EXPECT_EQ(subclass.kind(), ValueKind::kTensor);
  EXPECT_EQ(subclass.ClassName(), "torch.nn.parameter.Buffer");
  EXPECT_EQ(subclass.state().Find("tag")->AsInt(), 5);
}

TEST_F(TorchVocabularyTest, MetaTensorsHaveNoStorage) {
  HOIST_ASSERT_OK_AND_ASSIGN(
      const TensorEntry tensor,
      ReadTensor(Call(Function("_rebuild_meta_tensor_no_storage"),
                      {Dtype("bfloat16"), Ints({3}), Ints({1}), Bool(true)})));
  EXPECT_FALSE(tensor.storage.has_value());
  EXPECT_EQ(tensor.location, "meta");
  EXPECT_EQ(tensor.spec.dtype, DType::kBfloat16);
  EXPECT_TRUE(tensor.requires_grad);
}

TEST_F(TorchVocabularyTest, QuantizedTensorsKeepTheirQuantizer) {
  HOIST_ASSERT_OK_AND_ASSIGN(
      const Value value,
      Read(Call(Function("_rebuild_qtensor"),
                {AnyStorage(), Int(0), Ints({3}), Ints({1}),
                 Tuple({Class("torch", "per_tensor_affine"), Int(2), Int(1)}),
                 Bool(false), OrderedDict({})})));
  EXPECT_EQ(value.kind(), ValueKind::kTensor);
  EXPECT_EQ(value.state().Find("qscheme")->AsString(),
            "torch.per_tensor_affine");
  EXPECT_EQ(value.state().Find("scale")->AsInt(), 2);
  EXPECT_EQ(value.state().Find("zero_point")->AsInt(), 1);
}

TEST_F(TorchVocabularyTest, FlagsOfATensorAreFew) {
  const auto tensor = [](int count) {
    std::vector<std::string> flags;
    for (int i = 0; i < count; ++i) {
      flags.push_back(Text(std::to_string(i)));
      flags.push_back(Bool(false));
    }
    return Call(Function("_rebuild_tensor_v2"),
                {AnyStorage(), Int(0), Ints({1}), Ints({1}), Bool(false),
                 OrderedDict({}), Dict(flags)});
  };
  HOIST_EXPECT_OK(Read(tensor(16)).status());
  EXPECT_THAT(Read(tensor(17)).status(),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("17 flags")));
}

TEST_F(TorchVocabularyTest, StoragesHaveTheirClass) {
  // The second item of the id, which the format gives a meaning.
  HOIST_ASSERT_OK_AND_ASSIGN(const Value value,
                             Read(Storage("HalfStorage", "0", 1)));
  EXPECT_EQ(value.kind(), ValueKind::kStorage);
  EXPECT_EQ(value.ClassName(), "torch.HalfStorage");
}

TEST_F(TorchVocabularyTest, EmbeddedStoragesStayOpaqueWithoutALoader) {
  const std::string embedded =
      Call(Class("torch.storage", "_load_from_bytes"), {Bytes("any")});
  HOIST_ASSERT_OK_AND_ASSIGN(Value value, Read(embedded));
  EXPECT_EQ(value.kind(), ValueKind::kOpaque);

  TorchVocabulary loading(
      [](ValueGraph&, Value) -> absl::StatusOr<TorchVocabulary::Persistent> {
        return absl::InternalError("not asked for");
      },
      [](Value bytes) -> absl::StatusOr<PickledStorage> {
        if (bytes.AsString() != "any") {
          return absl::DataLossError("no storage");
        }
        return PickledStorage{.index = 3, .dtype = DType::kInt8};
      });
  const auto read = [&](const std::string& value) {
    const std::string pickle = Pickle(value);
    return ReadPickle(
        {reinterpret_cast<const uint8_t*>(pickle.data()), pickle.size()},
        loading, graph_);
  };
  HOIST_ASSERT_OK(read(Tensor(embedded, 0, {2}, {1})).status());
  EXPECT_EQ(loading.tensors()[0].storage, 3);
  EXPECT_EQ(loading.tensors()[0].spec.dtype, DType::kInt8);
  EXPECT_THAT(
      read(Call(Class("torch.storage", "_load_from_bytes"), {Bytes("no")}))
          .status(),
      StatusIs(absl::StatusCode::kDataLoss, HasSubstr("no storage")));
}

TEST_F(TorchVocabularyTest, SizeIsATuple) {
  HOIST_ASSERT_OK_AND_ASSIGN(
      const Value value, Read(Call(Class("torch", "Size"), {Ints({2, 3})})));
  EXPECT_EQ(value.kind(), ValueKind::kTuple);
  EXPECT_EQ(value.ClassName(), "torch.Size");
  EXPECT_EQ(value[1].AsInt(), 3);
}

TEST_F(TorchVocabularyTest, SayWhichArgumentIsWrong) {
  for (const auto& [value, text] :
       std::vector<std::pair<std::string, std::string>>{
           {Call(Function("_rebuild_tensor_v2"), {}), "needs 6"},
           {Tensor(Int(1), 0, {1}, {1}), "argument 0 is a int, not a storage"},
           {Call(Function("_rebuild_tensor"),
                 {AnyStorage(), Text("x"), Ints({1}), Ints({1})}),
            "argument 1"},
           {Call(Function("_rebuild_tensor"),
                 {AnyStorage(), Int(0), Int(1), Ints({1})}),
            "argument 2"},
           {Call(Function("_rebuild_tensor"),
                 {AnyStorage(), Int(0), Ints({1}), Tuple({Text("x")})}),
            "argument 3"},
           {Parameter(Int(1)), "argument 0"}}) {
    EXPECT_THAT(Read(value).status(),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr(text)));
  }
}

TEST_F(TorchVocabularyTest, DimensionsAreBounded) {
  const auto tensor = [](int dimensions) {
    const std::vector<int32_t> ones(static_cast<size_t>(dimensions), 1);
    return Tensor(AnyStorage(), 0, ones, ones);
  };
  HOIST_EXPECT_OK(Read(tensor(1000)).status());
  EXPECT_THAT(
      Read(tensor(1001)).status(),
      StatusIs(absl::StatusCode::kDataLoss, HasSubstr("1001 dimensions")));
}

TEST_F(TorchVocabularyTest, OtherNamesAreOpaque) {
  HOIST_ASSERT_OK_AND_ASSIGN(
      const Value value,
      Read(Call(Function("_rebuild_sparse_tensor"), {Int(1)})));
  EXPECT_EQ(value.kind(), ValueKind::kOpaque);
  HOIST_ASSERT_OK_AND_ASSIGN(
      const Value from_type,
      Read(Call(Class("torch._tensor", "_rebuild_from_type_v2"),
                {Class("os", "system"), Class("torch", "Tensor"),
                 Tuple({Text("true")}), "N"})));
  EXPECT_EQ(from_type.kind(), ValueKind::kOpaque);
}

TEST(StorageClassDTypeTest, GoesByTheLastPart) {
  EXPECT_EQ(StorageClassDType("torch.FloatStorage"), DType::kFloat32);
  EXPECT_EQ(StorageClassDType("torch.cuda.HalfStorage"), DType::kFloat16);
  EXPECT_EQ(StorageClassDType("torch.storage.UntypedStorage"), DType::kUint8);
  EXPECT_EQ(StorageClassDType("BoolStorage"), DType::kBool);
  EXPECT_EQ(StorageClassDType("torch.float32"), std::nullopt);
}

}  // namespace
}  // namespace hoist
