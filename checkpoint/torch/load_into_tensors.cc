#include "hoist/checkpoint/torch/load_into_tensors.h"

#include <ATen/core/grad_mode.h>
#include <c10/core/InferenceMode.h>

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/torch/fill_from_arena.h"
#include "hoist/checkpoint/torch/fill_in_place.h"
#include "hoist/checkpoint/torch/match_targets.h"
#include "hoist/checkpoint/torch/to_torch.h"
#include "hoist/checkpoint/torch/without_exceptions.h"
#include "hoist/core/status/status_macros.h"

namespace hoist::libtorch {
namespace {

// Whether several elements are one number in memory, as after expand().
bool OverlapsItself(const at::Tensor& tensor) {
  for (int64_t i = 0; i < tensor.dim(); ++i) {
    if (tensor.size(i) > 1 && tensor.stride(i) == 0) {
      return true;
    }
  }
  return false;
}

std::string ObstacleOf(const at::Tensor& tensor) {
  if (tensor.is_meta()) {
    return "it is on the meta device, and has no memory to load into";
  }
  if (tensor.layout() != c10::kStrided || tensor.is_quantized() ||
      tensor.is_nested()) {
    return "it is sparse, quantized or nested in the module, and Hoist loads "
           "into plain tensors";
  }
  if (OverlapsItself(tensor)) {
    return "several of its elements are one in the module (expand())";
  }
  if (tensor.is_inference() && !c10::InferenceMode::is_enabled()) {
    return "it was made in inference mode, and is constant outside of it";
  }
  if (!DTypeOf(tensor.scalar_type())) {
    return absl::StrCat("Hoist has no dtype ",
                        c10::toString(tensor.scalar_type()));
  }
  return "";
}

std::vector<LoadTarget> Describe(absl::Span<const NamedTensor> targets) {
  using Place = std::tuple<const void*, int64_t, std::vector<int64_t>,
                           std::vector<int64_t>, at::ScalarType>;
  std::map<Place, int> places;
  std::vector<LoadTarget> described;
  described.reserve(targets.size());
  for (const auto& [name, tensor] : targets) {
    LoadTarget target = {.name = name,
                         .dtype = DTypeOf(tensor.scalar_type()),
                         .shape = tensor.sizes().vec(),
                         .obstacle = ObstacleOf(tensor)};
    // Where something can be written to, there is a storage.
    const bool has_storage = target.obstacle.empty();
    const void* const owner =
        has_storage
            ? static_cast<const void*>(tensor.storage().unsafeGetStorageImpl())
            : tensor.unsafeGetTensorImpl();
    Place place = {owner, 0, target.shape, {}, tensor.scalar_type()};
    if (has_storage) {
      std::get<1>(place) = tensor.storage_offset();
      std::get<3>(place) = tensor.strides().vec();
    }
    target.identity =
        places.emplace(std::move(place), static_cast<int>(places.size()))
            .first->second;
    described.push_back(std::move(target));
  }
  return described;
}

// In the way that takes no more memory than is allowed, and of those the one
// that promises more.
absl::StatusOr<LoadIntoReport> Fill(const FillInputs& inputs,
                                    TargetMatches matches) {
  if (const auto max_bytes = inputs.options.max_extra_bytes) {
    HOIST_ASSIGN_OR_RETURN(const uint64_t bytes,
                           ArenaFillBytes(inputs, matches));
    if (bytes > *max_bytes) {
      return FillInPlace(inputs, std::move(matches), *max_bytes);
    }
  }
  return FillFromArena(inputs, std::move(matches));
}

}  // namespace

absl::StatusOr<LoadIntoReport> FillTensors(
    const Checkpoint& checkpoint, absl::Span<const NamedTensor> targets,
    const LoadIntoOptions& options) {
  return WithoutExceptions([&]() -> absl::StatusOr<LoadIntoReport> {
    const at::NoGradGuard no_grad;
    const std::vector<LoadTarget> described = Describe(targets);
    HOIST_ASSIGN_OR_RETURN(
        TargetMatches matches,
        MatchTargets(checkpoint.catalog(), described, options));
    HOIST_RETURN_IF_ERROR(FitStatus(matches.report, options.strict));
    return Fill({.files = checkpoint.files(),
                 .targets = targets,
                 .described = described,
                 .options = options},
                std::move(matches));
  });
}

absl::StatusOr<LoadIntoReport> CompareTensors(
    const Checkpoint& checkpoint, absl::Span<const NamedTensor> targets,
    const LoadIntoOptions& options) {
  return WithoutExceptions([&]() -> absl::StatusOr<LoadIntoReport> {
    HOIST_ASSIGN_OR_RETURN(
        TargetMatches matches,
        MatchTargets(checkpoint.catalog(), Describe(targets), options));
    return std::move(matches.report);
  });
}

}  // namespace hoist::libtorch
