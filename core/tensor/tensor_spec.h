#ifndef HOIST_CORE_TENSOR_TENSOR_SPEC_H_
#define HOIST_CORE_TENSOR_TENSOR_SPEC_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hoist/core/tensor/dtype.h"

namespace hoist {

// What a tensor looks like: element type, size of every dimension, and how many
// elements apart neighbours along it lie. Sizes and strides are not negative,
// and of equal number; a scalar has none. Stride 0 repeats an element.
struct TensorSpec {
  DType dtype = DType::kFloat32;
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;  // in elements

  friend bool operator==(const TensorSpec&, const TensorSpec&) = default;
};

// All functions here take numbers that may come from a file: they check them,
// and return kInvalidArgument for negative sizes, offsets or strides, for
// shape and strides of different length, and where a result does not fit into
// 63 bits. Thread-safe.

// Number of elements: the product of `shape`, 1 for a scalar.
absl::StatusOr<int64_t> ElementCount(absl::Span<const int64_t> shape);

// Row-major strides without gaps, as PyTorch gives them: a dimension of size 0
// counts as 1.
absl::StatusOr<std::vector<int64_t>> ContiguousStrides(
    absl::Span<const int64_t> shape);

// A contiguous spec.
absl::StatusOr<TensorSpec> ContiguousSpec(DType dtype,
                                          std::vector<int64_t> shape);

// Bytes of the elements one after the other: what a contiguous copy takes. A
// packed dtype whose last byte would be shared is kInvalidArgument.
absl::StatusOr<int64_t> LogicalBytes(const TensorSpec& spec);

// Bytes a storage must have for a tensor that starts at element
// `storage_offset` of it: up to its last element, 0 if it has none.
absl::StatusOr<int64_t> RequiredStorageBytes(const TensorSpec& spec,
                                             int64_t storage_offset);

// Whether the elements lie row-major without gaps. The stride of a dimension
// of size 1 does not matter; a tensor without elements is contiguous.
bool IsContiguous(const TensorSpec& spec);

// "[3, 5]", or "[]".
std::string ShapeString(absl::Span<const int64_t> shape);

}  // namespace hoist

#endif  // HOIST_CORE_TENSOR_TENSOR_SPEC_H_
