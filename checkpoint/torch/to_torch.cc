#include "hoist/checkpoint/torch/to_torch.h"

#include <c10/core/DispatchKeySet.h>
#include <c10/core/Storage.h>
#include <c10/core/TensorImpl.h>
#include <c10/core/TensorOptions.h>

#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/torch/without_exceptions.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist::libtorch {
namespace {

c10::Device DeviceOf(const Buffer& buffer) {
  if (buffer.device().is_cpu()) {
    return c10::Device(c10::DeviceType::CPU);
  }
  return c10::Device(c10::DeviceType::CUDA,
                     static_cast<c10::DeviceIndex>(buffer.device().index));
}

// A storage over the buffer, which it holds on to, but for its first bytes.
c10::Storage StorageOver(const std::shared_ptr<Buffer>& buffer,
                         int64_t skipped_bytes = 0) {
  auto* const owner = new std::shared_ptr<Buffer>(buffer);
  c10::DataPtr data(
      static_cast<uint8_t*>(buffer->data()) + skipped_bytes, owner,
      [](void* to) { delete static_cast<std::shared_ptr<Buffer>*>(to); },
      DeviceOf(*buffer));
  return c10::Storage(c10::Storage::use_byte_size_t(),
                      buffer->size_bytes() - static_cast<size_t>(skipped_bytes),
                      std::move(data), /*allocator=*/nullptr,
                      /*resizable=*/false);
}

absl::StatusOr<at::Tensor> TensorOver(c10::Storage storage,
                                      const Tensor& tensor,
                                      int64_t skipped_bytes = 0) {
  const auto type = ScalarTypeOf(tensor.dtype());
  if (!type) {
    return absl::UnimplementedError(absl::StrCat(
        "LibTorch has no plain tensors of ", DTypeName(tensor.dtype())));
  }
  const int64_t element_bytes = DTypeBits(tensor.dtype()) / 8;
  const int64_t offset = tensor.byte_offset() - skipped_bytes;
  if (offset % element_bytes != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("the tensor begins at byte ", tensor.byte_offset(),
                     " of its buffer, which is no whole number of ",
                     element_bytes, "-byte elements"));
  }
  // As at::from_blob() does, but over a storage that tensors share.
  const c10::DispatchKeySet keys(c10::TensorOptions()
                                     .device(storage.device())
                                     .dtype(*type)
                                     .computeDispatchKey());
  auto impl = c10::make_intrusive<c10::TensorImpl>(
      std::move(storage), keys, c10::scalarTypeToTypeMeta(*type));
  impl->set_sizes_and_strides(tensor.shape(), tensor.strides(),
                              offset / element_bytes);
  return at::Tensor(std::move(impl));
}

}  // namespace

std::optional<at::ScalarType> ScalarTypeOf(DType dtype) {
  switch (dtype) {
    case DType::kBool:
      return at::kBool;
    case DType::kUint8:
      return at::kByte;
    case DType::kInt8:
      return at::kChar;
    case DType::kInt16:
      return at::kShort;
    case DType::kInt32:
      return at::kInt;
    case DType::kInt64:
      return at::kLong;
    case DType::kUint16:
      return at::kUInt16;
    case DType::kUint32:
      return at::kUInt32;
    case DType::kUint64:
      return at::kUInt64;
    case DType::kFloat16:
      return at::kHalf;
    case DType::kBfloat16:
      return at::kBFloat16;
    case DType::kFloat32:
      return at::kFloat;
    case DType::kFloat64:
      return at::kDouble;
    case DType::kComplex32:
      return at::kComplexHalf;
    case DType::kComplex64:
      return at::kComplexFloat;
    case DType::kComplex128:
      return at::kComplexDouble;
    case DType::kFloat8E4m3fn:
      return at::kFloat8_e4m3fn;
    case DType::kFloat8E5m2:
      return at::kFloat8_e5m2;
    case DType::kFloat8E4m3fnuz:
      return at::kFloat8_e4m3fnuz;
    case DType::kFloat8E5m2fnuz:
      return at::kFloat8_e5m2fnuz;
    case DType::kFloat8E8m0fnu:
      return at::kFloat8_e8m0fnu;
    case DType::kFloat4E2m1fnX2:
      return at::kFloat4_e2m1fn_x2;
    case DType::kBits1x8:
      return at::kBits1x8;
    case DType::kBits2x4:
      return at::kBits2x4;
    case DType::kBits4x2:
      return at::kBits4x2;
    case DType::kBits8:
      return at::kBits8;
    case DType::kBits16:
      return at::kBits16;
    case DType::kUint1:
      return at::ScalarType::UInt1;
    case DType::kUint2:
      return at::ScalarType::UInt2;
    case DType::kUint3:
      return at::ScalarType::UInt3;
    case DType::kUint4:
      return at::ScalarType::UInt4;
    case DType::kUint5:
      return at::ScalarType::UInt5;
    case DType::kUint6:
      return at::ScalarType::UInt6;
    case DType::kUint7:
      return at::ScalarType::UInt7;
    case DType::kInt1:
      return at::ScalarType::Int1;
    case DType::kInt2:
      return at::ScalarType::Int2;
    case DType::kInt3:
      return at::ScalarType::Int3;
    case DType::kInt4:
      return at::ScalarType::Int4;
    case DType::kInt5:
      return at::ScalarType::Int5;
    case DType::kInt6:
      return at::ScalarType::Int6;
    case DType::kInt7:
      return at::ScalarType::Int7;
    case DType::kFloat6E2m3:
    case DType::kFloat6E3m2:
    case DType::kQint8:
    case DType::kQuint8:
    case DType::kQint32:
    case DType::kQuint4x2:
    case DType::kQuint2x4:
      return std::nullopt;
  }
  return std::nullopt;
}

std::optional<DType> DTypeOf(at::ScalarType type) {
  for (const DType dtype : AllDTypes()) {
    if (ScalarTypeOf(dtype) == type) {
      return dtype;
    }
  }
  return std::nullopt;
}

absl::StatusOr<at::Tensor> ToTorch(const Tensor& tensor) {
  return WithoutExceptions([&tensor]() -> absl::StatusOr<at::Tensor> {
    // Its storage is its own, so that it may begin anywhere in the buffer: for
    // a load that begins with another tensor of smaller elements.
    const int64_t skipped_bytes =
        tensor.element_count() == 0 ? 0 : tensor.byte_offset();
    return TensorOver(StorageOver(tensor.buffer(), skipped_bytes), tensor,
                      skipped_bytes);
  });
}

absl::StatusOr<TensorMap> ToTorch(const StateDict& state_dict) {
  return WithoutExceptions([&state_dict]() -> absl::StatusOr<TensorMap> {
    TensorMap tensors;
    absl::flat_hash_map<const Buffer*, c10::Storage> storages;
    for (const auto& [name, tensor] : state_dict) {
      if (tensors.contains(name)) {
        return absl::InvalidArgumentError(
            absl::StrCat("Two tensors have the name \"", name,
                         "\"; LibTorch's can have one"));
      }
      const Buffer* const buffer = tensor.buffer().get();
      auto storage = storages.find(buffer);
      if (storage == storages.end()) {
        storage = storages.emplace(buffer, StorageOver(tensor.buffer())).first;
      }
      auto made = TensorOver(storage->second, tensor);
      if (!made.ok()) {
        return Annotate(made.status(), absl::StrCat("Tensor ", name));
      }
      tensors.insert(name, *std::move(made));
    }
    return tensors;
  });
}

}  // namespace hoist::libtorch
