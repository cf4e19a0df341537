#ifndef HOIST_CHECKPOINT_TORCH_LOAD_INTO_MODULE_H_
#define HOIST_CHECKPOINT_TORCH_LOAD_INTO_MODULE_H_

#include <string>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/torch/load_into_options.h"
#include "hoist/checkpoint/torch/load_into_report.h"

// So that this header costs its users none of LibTorch's.
namespace at {
class Tensor;
}  // namespace at
namespace torch {
template <typename Key, typename Value>
class OrderedDict;
namespace nn {
class Module;
}  // namespace nn
namespace jit {
struct Module;
}  // namespace jit
}  // namespace torch

namespace hoist::libtorch {

// Fills the parameters and buffers of a module that exists with the weights of
// a checkpoint of any format, as PyTorch's load_state_dict() does:
//
//   MyNet net;
//   HOIST_ASSIGN_OR_RETURN(LoadIntoReport report,
//                          LoadIntoModule("model.pt", *net));
//   net->forward(...);
//
// What fits what: MatchTargets() in match_targets.h. The tensors stay the ones
// they are, with their devices, dtypes, requires_grad and ties; elements are
// cast where dtypes are others, and what that loses is counted in the report.
//
// All or nothing: names, shapes, dtypes and every byte's checksum are looked at
// before anything is changed, and an error leaves the module as it was. The
// price is memory: the weights lie in an arena of the load's own, which is
// copied from and given back at its end. LoadIntoOptions::max_extra_bytes
// bounds that: then the file is read twice, to be checked and into the tensors'
// own memory, and the bound says what else that costs. kFailedPrecondition,
// with all that does not fit, if the checkpoint and the module disagree; the
// errors of MatchTargets(), Checkpoint::Open() and Load(); kInternal with what
// LibTorch says. No exception of LibTorch's leaves here.
//
// Blocks. Two threads may load from one checkpoint; while a module is filled,
// nobody else may use it.
absl::StatusOr<LoadIntoReport> LoadIntoModule(
    const std::string& path, torch::nn::Module& module,
    const LoadIntoOptions& options = {});
absl::StatusOr<LoadIntoReport> LoadIntoModule(
    const Checkpoint& checkpoint, torch::nn::Module& module,
    const LoadIntoOptions& options = {});

// The same for a module that TorchScript has loaded.
absl::StatusOr<LoadIntoReport> LoadIntoModule(
    const std::string& path, torch::jit::Module& module,
    const LoadIntoOptions& options = {});
absl::StatusOr<LoadIntoReport> LoadIntoModule(
    const Checkpoint& checkpoint, torch::jit::Module& module,
    const LoadIntoOptions& options = {});

// The same for tensors by name; `eval` means nothing here.
absl::StatusOr<LoadIntoReport> LoadIntoTensors(
    const std::string& path,
    const torch::OrderedDict<std::string, at::Tensor>& tensors,
    const LoadIntoOptions& options = {});
absl::StatusOr<LoadIntoReport> LoadIntoTensors(
    const Checkpoint& checkpoint,
    const torch::OrderedDict<std::string, at::Tensor>& tensors,
    const LoadIntoOptions& options = {});

// What LoadIntoModule() would do, without a look at the tensors' bytes; that
// the two disagree is in the report, and no error.
absl::StatusOr<LoadIntoReport> CompareWithModule(
    const Checkpoint& checkpoint, const torch::nn::Module& module,
    const LoadIntoOptions& options = {});
absl::StatusOr<LoadIntoReport> CompareWithModule(
    const Checkpoint& checkpoint, const torch::jit::Module& module,
    const LoadIntoOptions& options = {});

}  // namespace hoist::libtorch

#endif  // HOIST_CHECKPOINT_TORCH_LOAD_INTO_MODULE_H_
