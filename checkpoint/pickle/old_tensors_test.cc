#include "hoist/checkpoint/pickle/old_tensors.h"

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/pickle/pickle_builder.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace pickle_builder;  // NOLINT: a vocabulary for tests

// A pickle that has been read, whose storages are number 7, of floats.
struct Read {
  Read()
      : vocabulary([](ValueGraph&, Value) {
          return absl::StatusOr<TorchVocabulary::Persistent>(PickledStorage{
              .index = 7, .dtype = DType::kFloat32, .location = "cuda:0"});
        }) {}

  absl::Status Run(const std::string& value) {
    const std::string pickle = Pickle(value);
    const auto read = ReadPickle(
        absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(pickle.data()),
                            pickle.size()),
        vocabulary, graph);
    HOIST_EXPECT_OK(read.status());
    id = read->root;
    return RebuildOldTensors(graph, vocabulary);
  }
  Value root() const { return Value(&graph, id); }
  const TensorEntry& tensor(Value value) {
    return vocabulary.tensors().at(value.AsIndex());
  }

  ValueGraph graph;
  TorchVocabulary vocabulary;
  ValueId id = 0;
};

const std::string kStorage = "NQ";
const std::string kTensorClass = Class("torch", "FloatTensor");
const std::string kParameterClass = Class("torch.nn.parameter", "Parameter");
const std::string kState =
    Tuple({kStorage, Int(3), Ints({2, 4}), Ints({4, 1})});
const std::string kTensor = Call(kTensorClass, {}) + kState + "b";

TEST(OldTensorsTest, ATensorTakesItsState) {
  Read read;
  HOIST_ASSERT_OK(read.Run(kTensor));
  ASSERT_EQ(read.root().kind(), ValueKind::kTensor);
  const TensorEntry& tensor = read.tensor(read.root());
  EXPECT_EQ(tensor.storage, 7);
  EXPECT_EQ(tensor.storage_offset, 3);
  EXPECT_EQ(tensor.spec.dtype, DType::kFloat32);
  EXPECT_THAT(tensor.spec.shape, ElementsAre(2, 4));
  EXPECT_THAT(tensor.spec.strides, ElementsAre(4, 1));
  EXPECT_EQ(tensor.location, "cuda:0");
  EXPECT_FALSE(tensor.requires_grad);
  EXPECT_FALSE(tensor.is_parameter);
}

TEST(OldTensorsTest, ATensorOfTheGpu) {
  Read read;
  HOIST_ASSERT_OK(
      read.Run(Call(Class("torch.cuda", "FloatTensor"), {}) + kState + "b"));
  EXPECT_EQ(read.root().kind(), ValueKind::kTensor);
}

TEST(OldTensorsTest, OneTensorInTwoPlacesStaysOne) {
  Read read;
  HOIST_ASSERT_OK(read.Run(List({kTensor + "q\1", "h\1"})));
  EXPECT_EQ(read.vocabulary.tensors().size(), 1u);
  EXPECT_EQ(read.root()[0].id(), read.root()[1].id());
}

TEST(OldTensorsTest, AParameterTakesItsTensorAndItsState) {
  for (const bool requires_grad : {true, false}) {
    Read read;
    HOIST_ASSERT_OK(read.Run(Call(kParameterClass, {kTensor}) +
                             Tuple({Bool(requires_grad), Bool(false), "N"}) +
                             "b"));
    ASSERT_EQ(read.root().kind(), ValueKind::kTensor);
    const TensorEntry& parameter = read.tensor(read.root());
    EXPECT_EQ(parameter.storage_offset, 3);
    EXPECT_TRUE(parameter.is_parameter);
    EXPECT_EQ(parameter.requires_grad, requires_grad);
  }
}

TEST(OldTensorsTest, AParameterOverATensorThatAFunctionMakes) {
  Read read;
  HOIST_ASSERT_OK(
      read.Run(Call(kParameterClass, {Tensor(kStorage, 5, {2}, {1})}) +
               Tuple({Bool(true), Bool(false), OrderedDict({})}) + "b"));
  ASSERT_EQ(read.root().kind(), ValueKind::kTensor);
  EXPECT_EQ(read.tensor(read.root()).storage_offset, 5);
  EXPECT_TRUE(read.tensor(read.root()).is_parameter);
}

TEST(OldTensorsTest, TheTensorMayBeInTheState) {
  for (const bool requires_grad : {true, false}) {
    Read read;
    HOIST_ASSERT_OK(read.Run(Call(kParameterClass, {}) +
                             Tuple({kTensor, "N", OrderedDict({}),
                                    Bool(requires_grad), Bool(true)}) +
                             "b"));
    ASSERT_EQ(read.root().kind(), ValueKind::kTensor);
    EXPECT_EQ(read.tensor(read.root()).storage, 7);
    EXPECT_EQ(read.tensor(read.root()).requires_grad, requires_grad);
  }
}

TEST(OldTensorsTest, AVariableIsNoParameter) {
  Read read;
  HOIST_ASSERT_OK(
      read.Run(Call(Class("torch.autograd.variable", "Variable"), {kTensor}) +
               Tuple({Bool(true), Bool(false), "N"}) + "b"));
  ASSERT_EQ(read.root().kind(), ValueKind::kTensor);
  EXPECT_FALSE(read.tensor(read.root()).is_parameter);
  EXPECT_TRUE(read.tensor(read.root()).requires_grad);
}

TEST(OldTensorsTest, OtherObjectsStayWhatTheyAre) {
  for (const std::string& value :
       {Call(kTensorClass, {}),
        Call(kTensorClass, {}) + Tuple({Int(1), Int(2)}) + "b",
        Call(kTensorClass, {}) + Tuple({Int(0), Int(3), Ints({2}), Ints({1})}) +
            "b",
        Call(Class("torch.sparse", "FloatTensor"), {}) + kState + "b",
        Call(Class("other", "FloatTensor"), {}) + kState + "b",
        Call(Class("torch", "Tensor"), {}) + kState + "b",
        Call(kParameterClass, {}) + Tuple({Bool(true), Bool(false), "N"}) + "b",
        Call(kParameterClass, {Int(1)}) +
            Tuple({Bool(true), Bool(false), "N"}) + "b",
        Call(kParameterClass, {kTensor}) + Tuple({Int(1), Int(1), "N"}) + "b",
        Call(kParameterClass, {kTensor}) + Tuple({Bool(true)}) + "b"}) {
    Read read;
    HOIST_ASSERT_OK(read.Run(value));
    EXPECT_EQ(read.root().kind(), ValueKind::kOpaque);
  }
}

// The state of a parameter that is its own data.
TEST(OldTensorsTest, AParameterOverItselfStaysWhatItIs) {
  Read read;
  HOIST_ASSERT_OK(read.Run(Call(kParameterClass, {}) + "q\1" +
                           Tuple({"h\1", "N", "N", Bool(true), Bool(true)}) +
                           "b"));
  EXPECT_EQ(read.root().kind(), ValueKind::kOpaque);
}

TEST(OldTensorsTest, NumbersThatAreNone) {
  for (const std::string& state :
       {Tuple({kStorage, Text("3"), Ints({2}), Ints({1})}),
        Tuple({kStorage, Int(3), Int(2), Ints({1})}),
        Tuple({kStorage, Int(3), Ints({2}), Tuple({Text("1")})}),
        Tuple({kStorage, Int(3), Ints(std::vector<int32_t>(1001, 1)),
               Ints(std::vector<int32_t>(1001, 1))})}) {
    Read read;
    EXPECT_THAT(read.Run(Call(kTensorClass, {}) + state + "b"),
                StatusIs(absl::StatusCode::kDataLoss,
                         HasSubstr("An object of class torch.FloatTensor: its "
                                   "state is not (storage")));
  }
}

TEST(OldTensorsTest, AClassThatIsNotItsStorages) {
  Read read;
  EXPECT_THAT(
      read.Run(Call(Class("torch", "LongTensor"), {}) + kState + "b"),
      StatusIs(
          absl::StatusCode::kDataLoss,
          HasSubstr("torch.LongTensor: it lies over a storage of float32")));
}

}  // namespace
}  // namespace hoist
