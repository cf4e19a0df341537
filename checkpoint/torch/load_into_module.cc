#include "hoist/checkpoint/torch/load_into_module.h"

#include <torch/csrc/jit/api/module.h>
#include <torch/nn/module.h>
#include <torch/ordered_dict.h>

#include <vector>

#include "hoist/checkpoint/torch/load_into_tensors.h"
#include "hoist/checkpoint/torch/without_exceptions.h"
#include "hoist/core/status/status_macros.h"

namespace hoist::libtorch {
namespace {

using Tensors = torch::OrderedDict<std::string, at::Tensor>;

void Add(const Tensors& tensors, std::vector<NamedTensor>& targets) {
  for (const auto& item : tensors) {
    if (item.value().defined()) {
      targets.push_back({.name = item.key(), .tensor = item.value()});
    }
  }
}

std::vector<NamedTensor> TargetsOf(const torch::nn::Module& module) {
  std::vector<NamedTensor> targets;
  Add(module.named_parameters(), targets);
  Add(module.named_buffers(), targets);
  return targets;
}

std::vector<NamedTensor> TargetsOf(const torch::jit::Module& module) {
  std::vector<NamedTensor> targets;
  for (const auto& item : module.named_parameters()) {
    if (item.value.defined()) {
      targets.push_back({.name = item.name, .tensor = item.value});
    }
  }
  for (const auto& item : module.named_buffers()) {
    if (item.value.defined()) {
      targets.push_back({.name = item.name, .tensor = item.value});
    }
  }
  return targets;
}

std::vector<NamedTensor> TargetsOf(const Tensors& tensors) {
  std::vector<NamedTensor> targets;
  Add(tensors, targets);
  return targets;
}

template <typename Module>
absl::StatusOr<LoadIntoReport> Fill(const Checkpoint& checkpoint,
                                    Module& module,
                                    const LoadIntoOptions& options) {
  return WithoutExceptions([&]() -> absl::StatusOr<LoadIntoReport> {
    HOIST_ASSIGN_OR_RETURN(LoadIntoReport report,
                           FillTensors(checkpoint, TargetsOf(module), options));
    if constexpr (requires { module.eval(); }) {
      if (options.eval) {
        module.eval();
      }
    }
    return report;
  });
}

template <typename Module>
absl::StatusOr<LoadIntoReport> OpenAndFill(const std::string& path,
                                           Module& module,
                                           const LoadIntoOptions& options) {
  HOIST_ASSIGN_OR_RETURN(const Checkpoint checkpoint,
                         Checkpoint::Open(path, {.pool = options.load.pool}));
  return Fill(checkpoint, module, options);
}

template <typename Module>
absl::StatusOr<LoadIntoReport> Compare(const Checkpoint& checkpoint,
                                       const Module& module,
                                       const LoadIntoOptions& options) {
  return WithoutExceptions([&]() -> absl::StatusOr<LoadIntoReport> {
    return CompareTensors(checkpoint, TargetsOf(module), options);
  });
}

}  // namespace

absl::StatusOr<LoadIntoReport> LoadIntoModule(const std::string& path,
                                              torch::nn::Module& module,
                                              const LoadIntoOptions& options) {
  return OpenAndFill(path, module, options);
}

absl::StatusOr<LoadIntoReport> LoadIntoModule(const Checkpoint& checkpoint,
                                              torch::nn::Module& module,
                                              const LoadIntoOptions& options) {
  return Fill(checkpoint, module, options);
}

absl::StatusOr<LoadIntoReport> LoadIntoModule(const std::string& path,
                                              torch::jit::Module& module,
                                              const LoadIntoOptions& options) {
  return OpenAndFill(path, module, options);
}

absl::StatusOr<LoadIntoReport> LoadIntoModule(const Checkpoint& checkpoint,
                                              torch::jit::Module& module,
                                              const LoadIntoOptions& options) {
  return Fill(checkpoint, module, options);
}

absl::StatusOr<LoadIntoReport> LoadIntoTensors(const std::string& path,
                                               const Tensors& tensors,
                                               const LoadIntoOptions& options) {
  return OpenAndFill(path, tensors, options);
}

absl::StatusOr<LoadIntoReport> LoadIntoTensors(const Checkpoint& checkpoint,
                                               const Tensors& tensors,
                                               const LoadIntoOptions& options) {
  return Fill(checkpoint, tensors, options);
}

absl::StatusOr<LoadIntoReport> CompareWithModule(
    const Checkpoint& checkpoint, const torch::nn::Module& module,
    const LoadIntoOptions& options) {
  return Compare(checkpoint, module, options);
}

absl::StatusOr<LoadIntoReport> CompareWithModule(
    const Checkpoint& checkpoint, const torch::jit::Module& module,
    const LoadIntoOptions& options) {
  return Compare(checkpoint, module, options);
}

}  // namespace hoist::libtorch
