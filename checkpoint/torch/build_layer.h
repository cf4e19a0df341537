#ifndef HOIST_CHECKPOINT_TORCH_BUILD_LAYER_H_
#define HOIST_CHECKPOINT_TORCH_BUILD_LAYER_H_

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "hoist/checkpoint/torch/pickled_attributes.h"

namespace torch::nn {
class Module;
}  // namespace torch::nn

namespace hoist::libtorch {

struct BuiltLayer {
  std::shared_ptr<torch::nn::Module> module;
  std::function<at::Tensor(const at::Tensor&)> forward;  // holds the module
};

// Makes the LibTorch layer of a class of torch.nn, named without its module
// ("Conv2d"), as `attributes` describe it; its weights are any. kUnimplemented,
// with the path, for a class or a setting that LibTorch or Hoist has not;
// kInvalidArgument for attributes that make no layer. May throw what LibTorch
// throws. Thread-safe.
absl::StatusOr<BuiltLayer> BuildLayer(absl::string_view type,
                                      PickledAttributes& attributes);

}  // namespace hoist::libtorch

#endif  // HOIST_CHECKPOINT_TORCH_BUILD_LAYER_H_
