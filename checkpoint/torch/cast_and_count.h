#ifndef HOIST_CHECKPOINT_TORCH_CAST_AND_COUNT_H_
#define HOIST_CHECKPOINT_TORCH_CAST_AND_COUNT_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace hoist::libtorch {

struct CountedCast {
  at::Tensor tensor;            // contiguous
  uint64_t infinite_count = 0;  // finite before, and infinite or NaN after
  uint64_t nan_count = 0;       // NaN before
};

// `tensor` in another floating-point (complex) dtype as Tensor::to() makes it,
// and what was lost. Takes memory of the result and of parts of it of a million
// elements. Throws what LibTorch throws. Thread-safe.
CountedCast CastAndCount(const at::Tensor& tensor, at::ScalarType dtype);

}  // namespace hoist::libtorch

#endif  // HOIST_CHECKPOINT_TORCH_CAST_AND_COUNT_H_
