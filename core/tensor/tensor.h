#ifndef HOIST_CORE_TENSOR_TENSOR_H_
#define HOIST_CORE_TENSOR_TENSOR_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hoist/core/tensor/buffer.h"
#include "hoist/core/tensor/tensor_spec.h"

namespace hoist {

// A view of a buffer: spec and place of the first element. Copies share the
// buffer, and two tensors over one buffer are aliases (tied weights). Cheap to
// copy, immutable, thread-safe; the elements are the users' own affair.
class Tensor {
 public:
  // Checks that every element lies inside `buffer`; kInvalidArgument otherwise,
  // and for a packed dtype that is not contiguous. `byte_offset` is that of the
  // first element; it need not be aligned, nor, if there is none, lie inside.
  static absl::StatusOr<Tensor> Create(TensorSpec spec,
                                       std::shared_ptr<Buffer> buffer,
                                       int64_t byte_offset);

  const TensorSpec& spec() const { return spec_; }
  DType dtype() const { return spec_.dtype; }
  const std::vector<int64_t>& shape() const { return spec_.shape; }
  const std::vector<int64_t>& strides() const { return spec_.strides; }
  int64_t element_count() const { return element_count_; }
  // Bytes of the elements, as a contiguous copy would take.
  int64_t size_bytes() const { return size_bytes_; }

  Device device() const { return buffer_->device(); }
  const std::shared_ptr<Buffer>& buffer() const { return buffer_; }
  int64_t byte_offset() const { return byte_offset_; }
  // Address of the first element, on device(); null if there is none.
  void* data() const;

 private:
  Tensor(TensorSpec spec, std::shared_ptr<Buffer> buffer, int64_t byte_offset,
         int64_t element_count, int64_t size_bytes)
      : spec_(std::move(spec)),
        buffer_(std::move(buffer)),
        byte_offset_(byte_offset),
        element_count_(element_count),
        size_bytes_(size_bytes) {}

  TensorSpec spec_;
  std::shared_ptr<Buffer> buffer_;
  int64_t byte_offset_;
  int64_t element_count_;
  int64_t size_bytes_;
};

// Calls `run` with pieces of memory that make up a contiguous copy, in
// row-major order: once for a contiguous tensor, else with the last dimensions
// that are contiguous, down to single elements; never for a tensor without
// elements. The tensor is on the CPU. Thread-safe.
void ForEachContiguousRun(
    const Tensor& tensor,
    absl::FunctionRef<void(absl::Span<const uint8_t> bytes)> run);

}  // namespace hoist

#endif  // HOIST_CORE_TENSOR_TENSOR_H_
