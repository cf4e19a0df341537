#ifndef HOIST_CHECKPOINT_TORCH_MATCH_TARGETS_H_
#define HOIST_CHECKPOINT_TORCH_MATCH_TARGETS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/torch/load_into_options.h"
#include "hoist/checkpoint/torch/load_into_report.h"
#include "hoist/core/tensor/dtype.h"

namespace hoist::libtorch {

// A tensor that is to be filled, as far as it takes to find its elements.
struct LoadTarget {
  std::string name;
  // nullopt, with a text in `obstacle`: one that Hoist has no name for.
  std::optional<DType> dtype;
  std::vector<int64_t> shape;
  // Targets of one number are one tensor: tied weights.
  int identity = 0;
  // Why nothing can be written to it; empty if something can.
  std::string obstacle;
};

struct TargetMatches {
  struct Match {
    int target = 0;  // index into the targets
    // The one element of one dimension fills a scalar.
    bool is_scalar_of_one = false;
  };
  // The checkpoint with the tensors that are needed only, by their new names.
  Catalog catalog;
  // Parallel to `catalog.tensors`, in the order of the targets: of each
  // identity the first, and those whose tensors are other ones than the
  // first's.
  std::vector<Match> matches;
  LoadIntoReport report;
};

// Whether elements of `from` become `to` when they are loaded: those of the
// same dtype, and floating-point (complex) ones among each other, since all
// else would change numbers that are no measurements. Thread-safe.
bool IsCastOnLoad(DType from, DType to);

// Finds a tensor of `catalog`, which ValidateCatalog() accepts, for each of the
// `targets`, with the meaning that PyTorch's load_state_dict() gives to names,
// shapes and `_metadata`:
//
//  - A target of no dimensions takes the one element of a tensor of one.
//  - A BatchNorm's num_batches_tracked may lack where `_metadata` does not say
//    that the module's version has it (2, since PyTorch 0.4.1).
//
// and other than that:
//
//  - A tied target is filled if one of its names is there, since safetensors
//    files have each tensor once. If several are, and are not the same tensor,
//    then both are matched; whoever reads them compares them.
//  - `_extra_state`, and what is no tensor, is left out with a remark.
//  - A tensor of more than one element is no scalar.
//  - Casts are those of IsCastOnLoad().
//
// Reads no payload. Disagreement is no error here, but FitStatus() of the
// report. kInvalidArgument for a `sub_dict` that has no tensors, and where
// several fit and none was named; kNotFound for a rename that means none, and
// errors of RenameEntries(). Thread-safe.
absl::StatusOr<TargetMatches> MatchTargets(const Catalog& catalog,
                                           absl::Span<const LoadTarget> targets,
                                           const LoadIntoOptions& options);

}  // namespace hoist::libtorch

#endif  // HOIST_CHECKPOINT_TORCH_MATCH_TARGETS_H_
