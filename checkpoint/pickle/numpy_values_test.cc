#include "hoist/checkpoint/pickle/numpy_values.h"

#include <array>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/pickle/pickle_builder.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using namespace std::string_literals;  // NOLINT: zeros in literals
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace pickle_builder;  // NOLINT: a vocabulary for tests

constexpr auto kDataLoss = absl::StatusCode::kDataLoss;

// dtype('f4'), as numpy pickles it: of fixed size unless `size` says it.
std::string Dtype(const std::string& code, const std::string& order = "<",
                  int32_t size = -1, int32_t flags = 0) {
  return Call(Class("numpy", "dtype"), {Text(code), Bool(false), Bool(true)}) +
         Tuple({Int(3), Text(order), "N", "N", "N", Int(size), Int(-1),
                Int(flags)}) +
         "b";
}

std::string Array(const std::string& shape, const std::string& dtype,
                  const std::string& bytes, bool is_fortran = false,
                  const std::string& module = "numpy.core.multiarray") {
  return Call(Class(module, "_reconstruct"),
              {Class("numpy", "ndarray"), Ints({0}), Bytes("b")}) +
         Tuple({Int(1), shape, dtype, Bool(is_fortran), Bytes(bytes)}) + "b";
}

std::string Scalar(const std::string& dtype, const std::string& bytes) {
  return Call(Class("numpy.core.multiarray", "scalar"), {dtype, Bytes(bytes)});
}

class NumpyValuesTest : public ::testing::Test {
 protected:
  NumpyValuesTest()
      : vocabulary_([](ValueGraph&,
                       Value) -> absl::StatusOr<TorchVocabulary::Persistent> {
          return absl::InternalError("there are no storages");
        }) {}

  absl::Status Rebuild(const std::string& value) {
    graph_ = ValueGraph();
    catalog_ = Catalog();
    catalog_.files.push_back({.path = "the file", .size_bytes = 1000});
    const std::string pickle = Pickle(value);
    HOIST_ASSIGN_OR_RETURN(
        const PickleResult result,
        ReadPickle(
            {reinterpret_cast<const uint8_t*>(pickle.data()), pickle.size()},
            vocabulary_, graph_));
    root_ = result.root;
    return RebuildNumpyValues(graph_, vocabulary_, catalog_);
  }

  Value root() const { return Value(&graph_, root_); }
  const TensorEntry& tensor() {
    return vocabulary_.tensors()[static_cast<size_t>(root().AsIndex())];
  }
  const StorageEntry& storage() {
    return catalog_.storages[static_cast<size_t>(*tensor().storage)];
  }
  // The bytes of a storage, from the file that it says.
  std::string Content(const StorageEntry& storage) {
    const FileEntry& file = catalog_.files[static_cast<size_t>(storage.file)];
    std::string bytes(storage.size_bytes, '\0');
    HOIST_EXPECT_OK(file.content->ReadAt(
        storage.offset_bytes,
        absl::MakeSpan(reinterpret_cast<uint8_t*>(bytes.data()),
                       bytes.size())));
    return bytes;
  }

  TorchVocabulary vocabulary_;
  ValueGraph graph_;
  Catalog catalog_;
  ValueId root_ = ValueGraph::kNoneId;
};

TEST_F(NumpyValuesTest, AnArrayIsATensorOverTheBytesInThePickle) {
  HOIST_ASSERT_OK(
      Rebuild(Array(Ints({2, 1}), Dtype("f4"), "\1\2\3\4\5\6\7\x08")));
  ASSERT_EQ(root().kind(), ValueKind::kTensor);
  EXPECT_EQ(root().ClassName(), "numpy.ndarray");
  EXPECT_EQ(tensor().spec.dtype, DType::kFloat32);
  EXPECT_THAT(tensor().spec.shape, ElementsAre(2, 1));
  EXPECT_THAT(tensor().spec.strides, ElementsAre(1, 1));
  EXPECT_EQ(storage().swap_bytes, 1);
  EXPECT_EQ(Content(storage()), "\1\2\3\4\5\6\7\x08");
  ASSERT_THAT(catalog_.files, SizeIs(2));
  EXPECT_EQ(catalog_.files[1].size_bytes, 8u);
}

TEST_F(NumpyValuesTest, Numpy2HasAnotherModule) {
  HOIST_ASSERT_OK(Rebuild(Array(Ints({1}), Dtype("u1", "|"), "x", false,
                                "numpy._core.multiarray")));
  EXPECT_EQ(root().kind(), ValueKind::kTensor);
}

TEST_F(NumpyValuesTest, Python2PicklesBytesAsText) {
  HOIST_ASSERT_OK(Rebuild(
      Call(Class("numpy.core.multiarray", "_reconstruct"),
           {Class("numpy", "ndarray"), Ints({0}), "U\1b"}) +
      Tuple({Int(1), Ints({2}), Dtype("u1", "|"), Bool(false), "U\2\xffx"}) +
      "b"));
  ASSERT_EQ(root().kind(), ValueKind::kTensor);
  EXPECT_EQ(Content(storage()), "\xffx");
}

TEST_F(NumpyValuesTest, ColumnsFirst) {
  HOIST_ASSERT_OK(
      Rebuild(Array(Ints({2, 3}), Dtype("i2"), "aabbccddeeff", true)));
  EXPECT_THAT(tensor().spec.shape, ElementsAre(2, 3));
  EXPECT_THAT(tensor().spec.strides, ElementsAre(1, 2));
}

TEST_F(NumpyValuesTest, BigEndianIsSwappedByTheLoad) {
  HOIST_ASSERT_OK(
      Rebuild(Array(Ints({2}), Dtype("c8", ">"), "aaaabbbbccccdddd")));
  EXPECT_EQ(tensor().spec.dtype, DType::kComplex64);
  EXPECT_EQ(storage().swap_bytes, 4);
}

TEST_F(NumpyValuesTest, ElementsThatTorchHasNotAreBytes) {
  // Two pieces of text of two UTF-32 characters.
  HOIST_ASSERT_OK(Rebuild(Array(Ints({2}), Dtype("U2", "<", 8, 8),
                                "a\0\0\0b\0\0\0c\0\0\0\0\0\0\0"s)));
  EXPECT_EQ(tensor().spec.dtype, DType::kUint8);
  EXPECT_THAT(tensor().spec.shape, ElementsAre(2, 8));
  EXPECT_THAT(tensor().spec.strides, ElementsAre(8, 1));
}

TEST_F(NumpyValuesTest, ArraysOfObjectsStayObjects) {
  HOIST_ASSERT_OK(
      Rebuild(Array(Ints({1}), Dtype("O8", "|", -1, 63), "12345678")));
  EXPECT_EQ(root().kind(), ValueKind::kOpaque);
  EXPECT_THAT(catalog_.storages, IsEmpty());
  EXPECT_THAT(catalog_.files, SizeIs(1));
}

TEST_F(NumpyValuesTest, WhatIsNoStateOfAnArrayStaysAnObject) {
  HOIST_ASSERT_OK(Rebuild(Array(Ints({-1}), Dtype("f4"), "")));
  EXPECT_EQ(root().kind(), ValueKind::kOpaque);
  HOIST_ASSERT_OK(Rebuild(Array(Int(4), Dtype("f4"), "1234")));
  EXPECT_EQ(root().kind(), ValueKind::kOpaque);
  HOIST_ASSERT_OK(Rebuild(Array(Ints({1}), "N", "1234")));
  EXPECT_EQ(root().kind(), ValueKind::kOpaque);
}

TEST_F(NumpyValuesTest, ShapeAndBytesHaveToAgree) {
  EXPECT_THAT(Rebuild(Array(Ints({2}), Dtype("f4"), "1234567")),
              StatusIs(kDataLoss, HasSubstr("takes 8 bytes, and it has 7")));
  EXPECT_THAT(Rebuild(Array(Ints({2}), Dtype("f4"), "123456789")),
              StatusIs(kDataLoss, HasSubstr("takes 8 bytes, and it has 9")));
  EXPECT_THAT(
      Rebuild(Array(Ints({INT32_MAX, INT32_MAX, INT32_MAX}), Dtype("f4"), "")),
      StatusIs(kDataLoss));
  EXPECT_THAT(Rebuild(Array(Ints({INT32_MAX, INT32_MAX}),
                            Dtype("V1024", "|", INT32_MAX), "")),
              StatusIs(kDataLoss));
}

TEST_F(NumpyValuesTest, BytesThatSeveralArraysHaveAreThereOnce) {
  // put the bytes into the memo, and get them again
  const std::string bytes = Bytes("12345678") + "q\5";
  const auto array = [](const std::string& bytes, const std::string& dtype) {
    return Call(Class("numpy.core.multiarray", "_reconstruct"),
                {Class("numpy", "ndarray"), Ints({0}), Bytes("b")}) +
           Tuple({Int(1), Ints({2}), dtype, Bool(false), bytes}) + "b";
  };
  HOIST_ASSERT_OK(
      Rebuild(List({array(bytes, Dtype("f4")), array("h\5", Dtype("i4")),
                    array("h\5", Dtype("i4", ">"))})));
  ASSERT_THAT(vocabulary_.tensors(), SizeIs(3));
  EXPECT_EQ(vocabulary_.tensors()[0].storage, vocabulary_.tensors()[1].storage);
  // These have to be swapped.
  EXPECT_NE(vocabulary_.tensors()[0].storage, vocabulary_.tensors()[2].storage);
  for (const StorageEntry& storage : catalog_.storages) {
    EXPECT_EQ(storage.offset_bytes % 64, 0u);
    EXPECT_EQ(Content(storage), "12345678");
  }
}

TEST_F(NumpyValuesTest, FromBuffer) {
  HOIST_ASSERT_OK(
      Rebuild(Call(Class("numpy._core.numeric", "_frombuffer"),
                   {Bytes("123456"), Dtype("i2"), Ints({3, 1}), Text("F")})));
  ASSERT_EQ(root().kind(), ValueKind::kTensor);
  EXPECT_EQ(root().ClassName(), "numpy.ndarray");
  EXPECT_THAT(tensor().spec.shape, ElementsAre(3, 1));
  EXPECT_EQ(Content(storage()), "123456");
}

TEST_F(NumpyValuesTest, FromBufferWithItsAxesInAnotherOrder) {
  const auto array = [](const std::string& axes) {
    return Call(Class("numpy._core.numeric", "_frombuffer"),
                {Bytes(std::string(24, 'x')), Dtype("u1", "|"), Ints({2, 3, 4}),
                 Text("K"), axes});
  };
  HOIST_ASSERT_OK(Rebuild(array(Ints({1, 0, 2}))));
  ASSERT_EQ(root().kind(), ValueKind::kTensor);
  EXPECT_THAT(tensor().spec.shape, ElementsAre(3, 2, 4));
  EXPECT_THAT(tensor().spec.strides, ElementsAre(4, 12, 1));
  for (const std::string& axes :
       {Ints({1, 0}), Ints({1, 1, 2}), Ints({1, 2, 3}), Ints({-1, 0, 2})}) {
    HOIST_ASSERT_OK(Rebuild(array(axes)));
    EXPECT_EQ(root().kind(), ValueKind::kOpaque);
  }
}

TEST_F(NumpyValuesTest, ManyLongShapesOverTheSameBytesEnd) {
  // Each array of a few bytes takes its shape of 64 numbers from the memo.
  const std::string shape = Ints(std::vector<int32_t>(64, 1)) + "q\5";
  std::vector<std::string> arrays = {Array(shape, Dtype("u1", "|"), "x")};
  for (int i = 0; i < 3000; ++i) {
    arrays.push_back(Array("h\5", Dtype("u1", "|"), "x"));
  }
  EXPECT_THAT(Rebuild(List(arrays)),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("dimensions altogether")));
}

TEST_F(NumpyValuesTest, TensorsThatWerePickledAsArrays) {
  HOIST_ASSERT_OK(
      Rebuild(Call(Class("torch._utils", "_rebuild_device_tensor_from_numpy"),
                   {Array(Ints({2}), Dtype("i2"), "1234"),
                    Class("torch", "int16"), Text("xla:1"), Bool(true)})));
  ASSERT_EQ(root().kind(), ValueKind::kTensor);
  EXPECT_EQ(root().ClassName(), "torch.Tensor");
  EXPECT_EQ(tensor().location, "xla:1");
  EXPECT_TRUE(tensor().requires_grad);
  EXPECT_EQ(Content(storage()), "1234");
}

TEST_F(NumpyValuesTest, Scalars) {
  HOIST_ASSERT_OK(Rebuild(List({
      Scalar(Dtype("f8"), "\0\0\0\0\0\0\xc0\x3f"s),
      Scalar(Dtype("f8", ">"), "\x3f\xc0\0\0\0\0\0\0"s),
      Scalar(Dtype("i2"), "\xfd\xff"),
      Scalar(Dtype("b1", "|"), "\1"),
      Scalar(Dtype("u8"), "\xff\xff\xff\xff\xff\xff\xff\xff"),
      Scalar(Dtype("c8"), "\0\0\x80\x3f\0\0\0\x40"s),
      Scalar(Dtype("S3", "|", 3), "abc"),
  })));
  EXPECT_EQ(root()[0].AsFloat(), 0.125);
  EXPECT_EQ(root()[0].ClassName(), "numpy.float64");
  EXPECT_EQ(root()[1].AsFloat(), 0.125);
  EXPECT_EQ(root()[2].AsInt(), -3);
  EXPECT_EQ(root()[2].ClassName(), "numpy.int16");
  EXPECT_EQ(root()[3].AsBool(), true);
  EXPECT_EQ(ValueText(root()[4]), "18446744073709551615");
  EXPECT_EQ(root()[5].AsComplex(), std::complex<double>(1, 2));
  EXPECT_EQ(root()[6].AsString(), "abc");
  EXPECT_EQ(root()[6].ClassName(), "numpy.bytes_");
}

TEST_F(NumpyValuesTest, ScalarsOfAnotherSizeStayObjects) {
  HOIST_ASSERT_OK(Rebuild(
      List({Scalar(Dtype("f8"), "1234567"), Scalar(Dtype("U1", "<", 4), "abcd"),
            Scalar(Dtype("f16"), std::string(16, 'x'))})));
  for (size_t i = 0; i < root().size(); ++i) {
    EXPECT_EQ(root()[i].kind(), ValueKind::kOpaque) << i;
  }
}

TEST_F(NumpyValuesTest, ScalarsOfSizesThatNumpyHasNot) {
  for (const auto& [code, size] :
       {std::pair("b1", 9), std::pair("i4", 3), std::pair("c8", 2)}) {
    HOIST_ASSERT_OK(Rebuild(Scalar(
        Dtype(code, ">", size), std::string(static_cast<size_t>(size), 'x'))));
    EXPECT_EQ(root().kind(), ValueKind::kOpaque) << code << " of " << size;
  }
}

}  // namespace
}  // namespace hoist
