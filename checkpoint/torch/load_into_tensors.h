#ifndef HOIST_CHECKPOINT_TORCH_LOAD_INTO_TENSORS_H_
#define HOIST_CHECKPOINT_TORCH_LOAD_INTO_TENSORS_H_

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/torch/load_into_options.h"
#include "hoist/checkpoint/torch/load_into_report.h"

namespace hoist::libtorch {

// A tensor that is to be filled, by the name that a checkpoint is to have it
// under.
struct NamedTensor {
  std::string name;
  at::Tensor tensor;
};

// Fills `targets`, all of which are defined, from `checkpoint`: what
// LoadIntoModule() promises (load_into_module.h), for the tensors that it finds
// in a module.
absl::StatusOr<LoadIntoReport> FillTensors(
    const Checkpoint& checkpoint, absl::Span<const NamedTensor> targets,
    const LoadIntoOptions& options);

// What FillTensors() would do, without reading a tensor or changing one.
absl::StatusOr<LoadIntoReport> CompareTensors(
    const Checkpoint& checkpoint, absl::Span<const NamedTensor> targets,
    const LoadIntoOptions& options);

}  // namespace hoist::libtorch

#endif  // HOIST_CHECKPOINT_TORCH_LOAD_INTO_TENSORS_H_
