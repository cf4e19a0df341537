#ifndef HOIST_CHECKPOINT_TORCH_LOAD_INTO_TENSORS_H_
#define HOIST_CHECKPOINT_TORCH_LOAD_INTO_TENSORS_H_

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/torch/fill_inputs.h"
#include "hoist/checkpoint/torch/load_into_options.h"
#include "hoist/checkpoint/torch/load_into_report.h"

namespace hoist::libtorch {

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
