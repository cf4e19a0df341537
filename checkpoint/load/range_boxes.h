#ifndef HOIST_CHECKPOINT_LOAD_RANGE_BOXES_H_
#define HOIST_CHECKPOINT_LOAD_RANGE_BOXES_H_

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "hoist/core/tensor/tensor_spec.h"

namespace hoist {

// A part of a tensor: along each dimension so many indices from a first one on.
struct RangeBox {
  std::vector<int64_t> begin;
  std::vector<int64_t> shape;
  // Of its first element, in the bytes that hold the tensor.
  uint64_t offset_bytes = 0;
};

// Calls `visit` with boxes of a tensor whose first element lies at
// `offset_bytes`: together they have those of its elements that lie in
// [begin_bytes, end_bytes) as a whole, each once. Of a tensor that lies
// row-major, or so after some transposition, with gaps or without, these are
// few; of one whose strides overlap they can be as many as elements. Returns
// the first error of `visit`, after which it is not called again.
//
// The spec is one that ValidateCatalog() accepts, of elements of whole bytes.
// Thread-safe.
absl::Status ForEachBoxInRange(
    const TensorSpec& spec, uint64_t offset_bytes, uint64_t begin_bytes,
    uint64_t end_bytes,
    absl::FunctionRef<absl::Status(const RangeBox& box)> visit);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_LOAD_RANGE_BOXES_H_
