#include "hoist/core/tensor/dlpack.h"

#include <limits>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

// A 2 x 3 float32 tensor of another framework, which counts its deletions.
struct Foreign {
  Foreign() {
    managed.dl_tensor.data = data;
    managed.dl_tensor.device = {kDLCPU, 0};
    managed.dl_tensor.ndim = 2;
    managed.dl_tensor.dtype = {kDLFloat, 32, 1};
    managed.dl_tensor.shape = shape.data();
    managed.dl_tensor.strides = strides.data();
    managed.dl_tensor.byte_offset = 0;
    managed.manager_ctx = this;
    managed.deleter = [](DLManagedTensor* self) {
      ++static_cast<Foreign*>(self->manager_ctx)->deletions;
    };
  }

  DLTensor& tensor() { return managed.dl_tensor; }

  float data[16] = {};
  std::vector<int64_t> shape = {2, 3};
  std::vector<int64_t> strides = {4, 1};
  DLManagedTensor managed;
  int deletions = 0;
};

void ExpectRefused(Foreign& foreign, absl::StatusCode code,
                   const char* message) {
  EXPECT_THAT(FromDlpack(&foreign.managed), StatusIs(code, HasSubstr(message)));
  EXPECT_EQ(foreign.deletions, 1) << message;
}

TEST(FromDlpackTest, TakesATensorOver) {
  Foreign foreign;
  {
    HOIST_ASSERT_OK_AND_ASSIGN(Tensor tensor, FromDlpack(&foreign.managed));
    EXPECT_EQ(tensor.spec(), (TensorSpec{DType::kFloat32, {2, 3}, {4, 1}}));
    EXPECT_EQ(tensor.data(), foreign.data);
    EXPECT_EQ(tensor.device(), Device::Cpu());
    EXPECT_EQ(tensor.buffer()->size_bytes(), 28u);
    const Tensor copy = tensor;
    tensor =
        *Tensor::Create({DType::kUint8, {0}, {1}}, *Buffer::Allocate(0), 0);
    EXPECT_EQ(foreign.deletions, 0);
  }
  EXPECT_EQ(foreign.deletions, 1);
}

TEST(FromDlpackTest, NullStridesAreContiguous) {
  Foreign foreign;
  foreign.tensor().strides = nullptr;
  HOIST_ASSERT_OK_AND_ASSIGN(const Tensor tensor, FromDlpack(&foreign.managed));
  EXPECT_THAT(tensor.strides(), ElementsAre(3, 1));
}

TEST(FromDlpackTest, AddsTheByteOffset) {
  Foreign foreign;
  foreign.tensor().byte_offset = 8;
  HOIST_ASSERT_OK_AND_ASSIGN(const Tensor tensor, FromDlpack(&foreign.managed));
  EXPECT_EQ(tensor.data(), foreign.data + 2);
}

TEST(FromDlpackTest, TakesScalarsAndEmptyTensors) {
  Foreign scalar;
  scalar.tensor().ndim = 0;
  scalar.tensor().shape = nullptr;
  scalar.tensor().strides = nullptr;
  HOIST_ASSERT_OK_AND_ASSIGN(const Tensor one, FromDlpack(&scalar.managed));
  EXPECT_EQ(one.element_count(), 1);

  Foreign empty;
  empty.shape = {0, 3};
  empty.tensor().data = nullptr;
  {
    HOIST_ASSERT_OK_AND_ASSIGN(const Tensor none, FromDlpack(&empty.managed));
    EXPECT_EQ(none.element_count(), 0);
    EXPECT_EQ(none.data(), nullptr);
    EXPECT_EQ(empty.deletions, 0);
  }
  EXPECT_EQ(empty.deletions, 1);
}

TEST(FromDlpackTest, TakesCudaTensors) {
  Foreign foreign;
  foreign.tensor().device = {kDLCUDA, 3};
  HOIST_ASSERT_OK_AND_ASSIGN(const Tensor tensor, FromDlpack(&foreign.managed));
  EXPECT_EQ(tensor.device(), Device::Cuda(3));
}

TEST(FromDlpackTest, DeleterMayBeNull) {
  Foreign foreign;
  foreign.managed.deleter = nullptr;
  HOIST_EXPECT_OK(FromDlpack(&foreign.managed));
  foreign.tensor().ndim = -1;
  EXPECT_FALSE(FromDlpack(&foreign.managed).ok());
  EXPECT_EQ(foreign.deletions, 0);
}

TEST(FromDlpackTest, TakesBoolOfLaterVersions) {
  Foreign foreign;
  foreign.tensor().dtype = {6, 8, 1};
  HOIST_ASSERT_OK_AND_ASSIGN(const Tensor tensor, FromDlpack(&foreign.managed));
  EXPECT_EQ(tensor.dtype(), DType::kBool);
}

TEST(FromDlpackTest, RefusesNull) {
  EXPECT_THAT(FromDlpack(nullptr),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("null")));
}

TEST(FromDlpackTest, RefusesOtherDevices) {
  for (const DLDeviceType type : {kDLCUDAHost, kDLROCM, kDLMetal}) {
    Foreign foreign;
    foreign.tensor().device.device_type = type;
    ExpectRefused(foreign, absl::StatusCode::kUnimplemented,
                  "neither the CPU nor CUDA");
  }
  Foreign foreign;
  foreign.tensor().device = {kDLCUDA, -1};
  ExpectRefused(foreign, absl::StatusCode::kInvalidArgument, "index -1");
}

TEST(FromDlpackTest, RefusesOtherDtypes) {
  for (const DLDataType dtype :
       {DLDataType{kDLFloat, 32, 4}, DLDataType{kDLFloat, 32, 0},
        DLDataType{kDLFloat, 8, 1}, DLDataType{kDLInt, 4, 1},
        DLDataType{kDLUInt, 1, 1}, DLDataType{kDLBfloat, 32, 1},
        DLDataType{kDLOpaqueHandle, 64, 1}, DLDataType{200, 32, 1}}) {
    Foreign foreign;
    foreign.tensor().dtype = dtype;
    ExpectRefused(foreign, absl::StatusCode::kUnimplemented, "DLPack dtype");
  }
}

TEST(FromDlpackTest, RefusesBadShapes) {
  {
    Foreign foreign;
    foreign.tensor().ndim = -1;
    ExpectRefused(foreign, absl::StatusCode::kInvalidArgument, "-1 dimensions");
  }
  {
    Foreign foreign;
    foreign.tensor().shape = nullptr;
    ExpectRefused(foreign, absl::StatusCode::kInvalidArgument, "no shape");
  }
  {
    Foreign foreign;
    foreign.shape = {2, -3};
    ExpectRefused(foreign, absl::StatusCode::kInvalidArgument, "negative size");
  }
  {
    Foreign foreign;
    foreign.shape = {2, -3};
    foreign.tensor().strides = nullptr;
    ExpectRefused(foreign, absl::StatusCode::kInvalidArgument, "negative size");
  }
  {
    Foreign foreign;
    foreign.strides = {-3, 1};
    ExpectRefused(foreign, absl::StatusCode::kInvalidArgument, "Strides");
  }
  {
    Foreign foreign;
    foreign.strides = {kMax, 1};
    ExpectRefused(foreign, absl::StatusCode::kInvalidArgument, "63 bits");
  }
  {
    // Fails last, when the buffer already owns the memory.
    Foreign foreign;
    foreign.shape = {kMax, 3};
    foreign.strides = {0, 1};
    ExpectRefused(foreign, absl::StatusCode::kInvalidArgument, "63 bits");
  }
}

TEST(FromDlpackTest, RefusesMissingMemory) {
  Foreign null;
  null.tensor().data = nullptr;
  ExpectRefused(null, absl::StatusCode::kInvalidArgument, "no data");
  Foreign outside;
  outside.tensor().byte_offset = std::numeric_limits<uint64_t>::max();
  ExpectRefused(outside, absl::StatusCode::kInvalidArgument, "address space");
}

TEST(ToDlpackTest, DescribesTheTensor) {
  HOIST_ASSERT_OK_AND_ASSIGN(const auto buffer, Buffer::Allocate(64));
  HOIST_ASSERT_OK_AND_ASSIGN(
      const Tensor tensor,
      Tensor::Create({DType::kBfloat16, {2, 3}, {5, 1}}, buffer, 4));
  HOIST_ASSERT_OK_AND_ASSIGN(DLManagedTensor * managed, ToDlpack(tensor));
  const DLTensor& out = managed->dl_tensor;
  EXPECT_EQ(static_cast<uint8_t*>(out.data) + out.byte_offset, tensor.data());
  EXPECT_EQ(out.byte_offset, 0u);
  EXPECT_EQ(out.device.device_type, kDLCPU);
  EXPECT_EQ(out.device.device_id, 0);
  ASSERT_EQ(out.ndim, 2);
  EXPECT_EQ(out.shape[0], 2);
  EXPECT_EQ(out.shape[1], 3);
  EXPECT_EQ(out.strides[0], 5);
  EXPECT_EQ(out.strides[1], 1);
  managed->deleter(managed);
}

TEST(ToDlpackTest, NamesTheCudaDevice) {
  uint8_t memory = 0;
  HOIST_ASSERT_OK_AND_ASSIGN(
      const Tensor tensor,
      Tensor::Create({DType::kUint8, {1}, {1}},
                     Buffer::Wrap(&memory, 1, Device::Cuda(2), nullptr), 0));
  HOIST_ASSERT_OK_AND_ASSIGN(DLManagedTensor * managed, ToDlpack(tensor));
  EXPECT_EQ(managed->dl_tensor.device.device_type, kDLCUDA);
  EXPECT_EQ(managed->dl_tensor.device.device_id, 2);
  managed->deleter(managed);
}

// (code, bits) by name; a dtype that is missing here must be refused.
TEST(ToDlpackTest, HasCodesForTheseDtypesOnly) {
  const std::map<std::string, std::pair<int, int>> codes = {
      {"int8", {0, 8}},         {"int16", {0, 16}},     {"int32", {0, 32}},
      {"int64", {0, 64}},       {"bool", {1, 8}},       {"uint8", {1, 8}},
      {"uint16", {1, 16}},      {"uint32", {1, 32}},    {"uint64", {1, 64}},
      {"float16", {2, 16}},     {"float32", {2, 32}},   {"float64", {2, 64}},
      {"bfloat16", {4, 16}},    {"complex32", {5, 32}}, {"complex64", {5, 64}},
      {"complex128", {5, 128}},
  };
  HOIST_ASSERT_OK_AND_ASSIGN(const auto buffer, Buffer::Allocate(64));
  for (const DType dtype : AllDTypes()) {
    const std::string name(DTypeName(dtype));
    SCOPED_TRACE(name);
    HOIST_ASSERT_OK_AND_ASSIGN(const Tensor tensor,
                               Tensor::Create({dtype, {4}, {1}}, buffer, 0));
    const absl::StatusOr<DLManagedTensor*> managed = ToDlpack(tensor);
    const auto code = codes.find(name);
    if (code == codes.end()) {
      EXPECT_THAT(managed, StatusIs(absl::StatusCode::kUnimplemented,
                                    HasSubstr("dtype " + name)));
      continue;
    }
    HOIST_ASSERT_OK(managed);
    EXPECT_EQ((*managed)->dl_tensor.dtype.code, code->second.first);
    EXPECT_EQ((*managed)->dl_tensor.dtype.bits, code->second.second);
    EXPECT_EQ((*managed)->dl_tensor.dtype.lanes, 1);
    HOIST_ASSERT_OK_AND_ASSIGN(const Tensor back, FromDlpack(*managed));
    EXPECT_EQ(back.dtype(), dtype == DType::kBool ? DType::kUint8 : dtype);
  }
}

TEST(ToDlpackTest, KeepsTheBufferThroughARoundTrip) {
  std::vector<float> memory(8);
  int released = 0;
  std::shared_ptr<Buffer> buffer =
      Buffer::Wrap(memory.data(), 32, Device::Cpu(), [&] { ++released; });
  DLManagedTensor* managed = nullptr;
  {
    HOIST_ASSERT_OK_AND_ASSIGN(const Tensor tensor,
                               Tensor::Create({DType::kFloat32, {2, 2}, {1, 3}},
                                              std::move(buffer), 8));
    HOIST_ASSERT_OK_AND_ASSIGN(managed, ToDlpack(tensor));
  }
  EXPECT_EQ(released, 0);
  {
    HOIST_ASSERT_OK_AND_ASSIGN(const Tensor back, FromDlpack(managed));
    EXPECT_EQ(back.spec(), (TensorSpec{DType::kFloat32, {2, 2}, {1, 3}}));
    EXPECT_EQ(back.data(), memory.data() + 2);
    EXPECT_EQ(released, 0);
  }
  EXPECT_EQ(released, 1);
}

TEST(ToDlpackTest, EachExportIsDeletedByItself) {
  uint8_t memory = 0;
  int released = 0;
  DLManagedTensor *first, *second;
  {
    HOIST_ASSERT_OK_AND_ASSIGN(
        const Tensor tensor,
        Tensor::Create(
            {DType::kUint8, {}, {}},
            Buffer::Wrap(&memory, 1, Device::Cpu(), [&] { ++released; }), 0));
    HOIST_ASSERT_OK_AND_ASSIGN(first, ToDlpack(tensor));
    HOIST_ASSERT_OK_AND_ASSIGN(second, ToDlpack(tensor));
  }
  EXPECT_NE(first, second);
  first->deleter(first);
  EXPECT_EQ(released, 0);
  EXPECT_EQ(second->dl_tensor.data, &memory);
  second->deleter(second);
  EXPECT_EQ(released, 1);
}

}  // namespace
}  // namespace hoist
