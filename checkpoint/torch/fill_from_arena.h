#ifndef HOIST_CHECKPOINT_TORCH_FILL_FROM_ARENA_H_
#define HOIST_CHECKPOINT_TORCH_FILL_FROM_ARENA_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/torch/fill_inputs.h"
#include "hoist/checkpoint/torch/load_into_report.h"
#include "hoist/checkpoint/torch/match_targets.h"

namespace hoist::libtorch {

// Fills the targets of `matches`, which MatchTargets() has found and which fit:
// reads all of them into memory of its own, checks and casts them there, and
// then copies. An error leaves every target as it was. Throws what LibTorch
// throws, before anything is changed.
absl::StatusOr<LoadIntoReport> FillFromArena(const FillInputs& inputs,
                                             TargetMatches matches);

// The memory that takes at most, besides the targets, in bytes.
absl::StatusOr<uint64_t> ArenaFillBytes(const FillInputs& inputs,
                                        const TargetMatches& matches);

}  // namespace hoist::libtorch

#endif  // HOIST_CHECKPOINT_TORCH_FILL_FROM_ARENA_H_
