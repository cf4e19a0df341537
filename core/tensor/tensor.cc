#include "hoist/core/tensor/tensor.h"

#include <cstddef>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "hoist/core/base/check.h"
#include "hoist/core/base/checked_math.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {

absl::StatusOr<Tensor> Tensor::Create(TensorSpec spec,
                                      std::shared_ptr<Buffer> buffer,
                                      int64_t byte_offset) {
  if (buffer == nullptr) {
    return absl::InvalidArgumentError("Tensor has no buffer");
  }
  if (byte_offset < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("Byte offset ", byte_offset, " is negative"));
  }
  HOIST_ASSIGN_OR_RETURN(const int64_t required, RequiredStorageBytes(spec, 0));
  HOIST_ASSIGN_OR_RETURN(const int64_t count, ElementCount(spec.shape));
  HOIST_ASSIGN_OR_RETURN(const int64_t bytes, LogicalBytes(spec));
  if (count > 0) {
    const std::optional<int64_t> end = CheckedAdd(byte_offset, required);
    if (!end.has_value() ||
        static_cast<uint64_t>(*end) > buffer->size_bytes()) {
      return absl::InvalidArgumentError(
          absl::StrCat("Tensor of shape ", ShapeString(spec.shape), " takes ",
                       required, " bytes from byte ", byte_offset,
                       " of a buffer of ", buffer->size_bytes(), " bytes"));
    }
  }
  if (DTypeBits(spec.dtype) % 8 != 0 && !IsContiguous(spec)) {
    return absl::InvalidArgumentError(
        absl::StrCat("Strides ", ShapeString(spec.strides), " of packed ",
                     DTypeName(spec.dtype), " of shape ",
                     ShapeString(spec.shape), " are not contiguous"));
  }
  return Tensor(std::move(spec), std::move(buffer), byte_offset, count, bytes);
}

void* Tensor::data() const {
  if (element_count_ == 0) return nullptr;
  return static_cast<uint8_t*>(buffer_->data()) + byte_offset_;
}

void ForEachContiguousRun(
    const Tensor& tensor,
    absl::FunctionRef<void(absl::Span<const uint8_t> bytes)> run) {
  HOIST_CHECK(tensor.device().is_cpu());
  if (tensor.element_count() == 0) return;
  const uint8_t* element = static_cast<const uint8_t*>(tensor.data());
  if (IsContiguous(tensor.spec())) {
    run(absl::MakeConstSpan(element, static_cast<size_t>(tensor.size_bytes())));
    return;
  }

  // Only contiguous tensors have elements that are not of whole bytes.
  const int64_t element_bytes = DTypeBits(tensor.dtype()) / 8;
  const std::vector<int64_t>& shape = tensor.shape();
  const std::vector<int64_t>& strides = tensor.strides();
  size_t outer_dims = shape.size();
  int64_t run_elements = 1;
  for (; outer_dims > 0; --outer_dims) {
    const size_t dim = outer_dims - 1;
    if (shape[dim] == 1) continue;
    if (strides[dim] != run_elements) break;
    run_elements *= shape[dim];
  }

  // Tensor::Create has checked the last element, so that no sum or product
  // overflows here.
  const size_t run_bytes = static_cast<size_t>(run_elements * element_bytes);
  std::vector<int64_t> index(outer_dims, 0);
  for (;;) {
    run(absl::MakeConstSpan(element, run_bytes));
    size_t dim = outer_dims;
    for (; dim > 0; --dim) {
      const size_t i = dim - 1;
      if (++index[i] < shape[i]) {
        element += strides[i] * element_bytes;
        break;
      }
      element -= (shape[i] - 1) * strides[i] * element_bytes;
      index[i] = 0;
    }
    if (dim == 0) return;
  }
}

}  // namespace hoist
