#ifndef HOIST_CHECKPOINT_TORCH_BUILD_MODULE_H_
#define HOIST_CHECKPOINT_TORCH_BUILD_MODULE_H_

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/torch/load_into_report.h"

// So that this header costs its users little of LibTorch's.
namespace torch::nn {
class Module;
}  // namespace torch::nn

namespace hoist::libtorch {

// A model that was made of a pickled one.
class BuiltModule {
 public:
  using Function = std::function<at::Tensor(const at::Tensor&)>;

  BuiltModule(std::shared_ptr<torch::nn::Module> module, Function forward,
              std::string forward_obstacle, LoadIntoReport report)
      : module_(std::move(module)),
        forward_(std::move(forward)),
        forward_obstacle_(std::move(forward_obstacle)),
        report_(std::move(report)) {}

  // Its children have the names and the places that they had in Python, and
  // its layers are LibTorch's own: module()->named_modules().
  const std::shared_ptr<torch::nn::Module>& module() const { return module_; }

  // Why Forward() cannot be: the path and the class of a module whose forward
  // only its source knows. Empty if it can.
  const std::string& forward_obstacle() const { return forward_obstacle_; }

  // What the model gives for `input`, as Python's does. kFailedPrecondition
  // with the obstacle, if there is one; kInternal with what LibTorch says. As
  // thread-safe as the module.
  absl::StatusOr<at::Tensor> Forward(const at::Tensor& input) const;

  // What was loaded, once the module was there.
  const LoadIntoReport& report() const { return report_; }

 private:
  std::shared_ptr<torch::nn::Module> module_;
  Function forward_;
  std::string forward_obstacle_;
  LoadIntoReport report_;
};

struct BuildModuleOptions {
  // Where in the checkpoint the module is ("model"); not given: at the root,
  // or the only module in a dict there.
  std::optional<std::string> path;
  // How the weights are read; see LoadIntoOptions::load.
  LoadOptions load;
};

// Makes LibTorch modules of a model that was pickled whole
// (torch.save(model)), from the attributes that it was saved with, and loads
// its weights: dtypes, requires_grad, ties and training mode are the file's.
// Nothing of Python is needed, or executed.
//
// Layers of torch.nn become LibTorch's (build_layer.cc has the list), and
// Sequential, ModuleList and ModuleDict modules with the same children. So do
// other classes that have children; these have no forward, since that is in
// their source. A model runs if its forward is made of those of layers and
// Sequentials.
//
// kInvalidArgument for a file without a pickled module, or with several and
// none named, and for attributes that make no layer; kUnimplemented, with path
// and class, for a layer that is none of the above, and for hooks, which are
// code. Otherwise as LoadIntoModule(). Blocks. Thread-safe.
absl::StatusOr<BuiltModule> BuildModule(const std::string& path,
                                        const BuildModuleOptions& options = {});
absl::StatusOr<BuiltModule> BuildModule(const Checkpoint& checkpoint,
                                        const BuildModuleOptions& options = {});

}  // namespace hoist::libtorch

#endif  // HOIST_CHECKPOINT_TORCH_BUILD_MODULE_H_
