#ifndef HOIST_CHECKPOINT_TORCH_TO_TORCH_H_
#define HOIST_CHECKPOINT_TORCH_TO_TORCH_H_

#include <ATen/core/Tensor.h>
#include <torch/ordered_dict.h>

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/load/state_dict.h"
#include "hoist/core/tensor/tensor.h"

namespace hoist::libtorch {

// Hands loaded tensors to LibTorch without copying: an at::Tensor keeps
// Hoist's buffer alive, on whatever device it is. Nothing of LibTorch's
// exceptions leaves here. Thread-safe.

// Tensors by name, in the checkpoint's order.
using TensorMap = torch::OrderedDict<std::string, at::Tensor>;

// All of `state_dict`; tensors over one buffer share an at::Storage, so that
// tied weights stay tied. kInvalidArgument for a name that occurs twice,
// kUnimplemented for a dtype that LibTorch cannot have here (quantized ones,
// whose scale is not part of a Tensor, and 6-bit floats).
absl::StatusOr<TensorMap> ToTorch(const StateDict& state_dict);

// One tensor, with a storage of its own.
absl::StatusOr<at::Tensor> ToTorch(const Tensor& tensor);

// LibTorch's dtype of that name; nullopt if it has none, or none that a plain
// tensor can have.
std::optional<at::ScalarType> ScalarTypeOf(DType dtype);
// The other way round.
std::optional<DType> DTypeOf(at::ScalarType type);

}  // namespace hoist::libtorch

#endif  // HOIST_CHECKPOINT_TORCH_TO_TORCH_H_
