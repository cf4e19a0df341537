#ifndef HOIST_CORE_TENSOR_DLPACK_H_
#define HOIST_CORE_TENSOR_DLPACK_H_

#include <dlpack/dlpack.h>

#include "absl/status/statusor.h"
#include "hoist/core/tensor/tensor.h"

namespace hoist {

// Exchange of tensors without copying, by DLPack
// (https://dmlc.github.io/dlpack/latest/c_api.html). Thread-safe.

// Hands `tensor` out. The caller owns the result, and calls its deleter once;
// until then the buffer stays. DLPack 0.6 has no code for bool, which goes out
// as uint8; other dtypes without one (float8, quantized, ...) are
// kUnimplemented.
absl::StatusOr<DLManagedTensor*> ToDlpack(const Tensor& tensor);

// Takes `managed` over: its deleter is called when the last tensor over its
// memory goes, or before this returns an error. Null strides are contiguous
// ones. kInvalidArgument for a null tensor, missing memory, negative sizes or
// strides, kUnimplemented for other devices than the CPU and CUDA and for
// dtypes that DType has not.
absl::StatusOr<Tensor> FromDlpack(DLManagedTensor* managed);

}  // namespace hoist

#endif  // HOIST_CORE_TENSOR_DLPACK_H_
