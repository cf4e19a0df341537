#ifndef HOIST_CHECKPOINT_TORCH_FILL_INPUTS_H_
#define HOIST_CHECKPOINT_TORCH_FILL_INPUTS_H_

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/torch/load_into_options.h"
#include "hoist/checkpoint/torch/match_targets.h"

namespace hoist::libtorch {

// A tensor that is to be filled, by the name that a checkpoint is to have it
// under.
struct NamedTensor {
  std::string name;
  at::Tensor tensor;
};

// What the ways to fill tensors work with. All of it must outlive the call.
struct FillInputs {
  CatalogFiles files;  // of the catalog that the targets were matched with
  absl::Span<const NamedTensor> targets;
  const std::vector<LoadTarget>& described;  // parallel to the targets
  const LoadIntoOptions& options;

  const at::Tensor& TargetOf(const TargetMatches::Match& match) const {
    return targets[match.target].tensor;
  }
  const std::string& NameOf(const TargetMatches::Match& match) const {
    return described[match.target].name;
  }
  int IdentityOf(const TargetMatches::Match& match) const {
    return described[match.target].identity;
  }
};

}  // namespace hoist::libtorch

#endif  // HOIST_CHECKPOINT_TORCH_FILL_INPUTS_H_
