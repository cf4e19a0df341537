#include "hoist/core/tensor/dlpack.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "hoist/core/base/checked_math.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

// kDLBool of DLPack 0.7 and later, which PyTorch sends.
constexpr uint8_t kBoolCode = 6;

struct Code {
  DType dtype;
  uint8_t code;
  uint8_t bits;
};

constexpr auto kCodes = std::to_array<Code>({
    {DType::kInt8, kDLInt, 8},
    {DType::kInt16, kDLInt, 16},
    {DType::kInt32, kDLInt, 32},
    {DType::kInt64, kDLInt, 64},
    {DType::kUint8, kDLUInt, 8},
    {DType::kUint16, kDLUInt, 16},
    {DType::kUint32, kDLUInt, 32},
    {DType::kUint64, kDLUInt, 64},
    {DType::kFloat16, kDLFloat, 16},
    {DType::kFloat32, kDLFloat, 32},
    {DType::kFloat64, kDLFloat, 64},
    {DType::kBfloat16, kDLBfloat, 16},
    {DType::kComplex32, kDLComplex, 32},
    {DType::kComplex64, kDLComplex, 64},
    {DType::kComplex128, kDLComplex, 128},
});

std::optional<DLDataType> CodeOf(DType dtype) {
  if (dtype == DType::kBool) return CodeOf(DType::kUint8);
  for (const Code& code : kCodes) {
    if (code.dtype == dtype) return DLDataType{code.code, code.bits, 1};
  }
  return std::nullopt;
}

std::optional<DType> DTypeOf(DLDataType type) {
  if (type.lanes != 1) return std::nullopt;
  if (type.code == kBoolCode && type.bits == 8) return DType::kBool;
  for (const Code& code : kCodes) {
    if (code.code == type.code && code.bits == type.bits) return code.dtype;
  }
  return std::nullopt;
}

// What an exported tensor points into.
struct Exported {
  DLManagedTensor managed;
  Tensor tensor;
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;
};

void DeleteExported(DLManagedTensor* managed) {
  delete static_cast<Exported*>(managed->manager_ctx);
}

absl::StatusOr<Device> DeviceOf(DLDevice device) {
  switch (device.device_type) {
    case kDLCPU:
      return Device::Cpu();
    case kDLCUDA:
      if (device.device_id < 0) {
        return absl::InvalidArgumentError(absl::StrCat(
            "DLPack device has negative index ", device.device_id));
      }
      return Device::Cuda(device.device_id);
    default:
      return absl::UnimplementedError(absl::StrCat(
          "DLPack device type ", static_cast<int>(device.device_type),
          " is neither the CPU nor CUDA"));
  }
}

absl::StatusOr<TensorSpec> SpecOf(const DLTensor& tensor) {
  const std::optional<DType> dtype = DTypeOf(tensor.dtype);
  if (!dtype.has_value()) {
    return absl::UnimplementedError(absl::StrCat(
        "DLPack dtype with code ", tensor.dtype.code, ", ", tensor.dtype.bits,
        " bits and ", tensor.dtype.lanes, " lanes is not supported"));
  }
  if (tensor.ndim < 0 || (tensor.ndim > 0 && tensor.shape == nullptr)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "DLPack tensor of ", tensor.ndim, " dimensions has no shape"));
  }
  std::vector<int64_t> shape(tensor.shape, tensor.shape + tensor.ndim);
  if (tensor.strides == nullptr) {
    return ContiguousSpec(*dtype, std::move(shape));
  }
  std::vector<int64_t> strides(tensor.strides, tensor.strides + tensor.ndim);
  return TensorSpec{*dtype, std::move(shape), std::move(strides)};
}

// Address of the first element; null if there is none.
absl::StatusOr<void*> AddressOf(const DLTensor& tensor,
                                int64_t required_bytes) {
  if (required_bytes == 0) return nullptr;
  if (tensor.data == nullptr) {
    return absl::InvalidArgumentError(
        "DLPack tensor with elements has no data");
  }
  const std::optional<uint64_t> address = CheckedAdd<uint64_t>(
      reinterpret_cast<uintptr_t>(tensor.data), tensor.byte_offset);
  if (!address.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat("DLPack byte offset ", tensor.byte_offset,
                     " leads outside the address space"));
  }
  return reinterpret_cast<void*>(*address);
}

}  // namespace

absl::StatusOr<DLManagedTensor*> ToDlpack(const Tensor& tensor) {
  const std::optional<DLDataType> dtype = CodeOf(tensor.dtype());
  if (!dtype.has_value()) {
    return absl::UnimplementedError(absl::StrCat(
        "DLPack has no code for dtype ", DTypeName(tensor.dtype())));
  }
  auto* exported = new Exported{{}, tensor, tensor.shape(), tensor.strides()};
  DLTensor& out = exported->managed.dl_tensor;
  // Several users ignore byte_offset, so that it stays 0.
  out.data = tensor.data();
  out.byte_offset = 0;
  out.device.device_type = tensor.device().is_cpu() ? kDLCPU : kDLCUDA;
  out.device.device_id = tensor.device().index;
  out.ndim = static_cast<int>(exported->shape.size());
  out.dtype = *dtype;
  out.shape = exported->shape.data();
  out.strides = exported->strides.data();
  exported->managed.manager_ctx = exported;
  exported->managed.deleter = DeleteExported;
  return &exported->managed;
}

absl::StatusOr<Tensor> FromDlpack(DLManagedTensor* managed) {
  if (managed == nullptr) {
    return absl::InvalidArgumentError("DLPack tensor is null");
  }
  const auto release = [managed] {
    if (managed->deleter != nullptr) managed->deleter(managed);
  };
  absl::Cleanup release_on_error = release;
  const DLTensor& in = managed->dl_tensor;
  HOIST_ASSIGN_OR_RETURN(const Device device, DeviceOf(in.device));
  HOIST_ASSIGN_OR_RETURN(TensorSpec spec, SpecOf(in));
  HOIST_ASSIGN_OR_RETURN(const int64_t required, RequiredStorageBytes(spec, 0));
  HOIST_ASSIGN_OR_RETURN(void* const data, AddressOf(in, required));
  std::move(release_on_error).Cancel();
  return Tensor::Create(
      std::move(spec),
      Buffer::Wrap(data, static_cast<size_t>(required), device, release), 0);
}

}  // namespace hoist
