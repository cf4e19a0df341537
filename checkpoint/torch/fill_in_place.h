#ifndef HOIST_CHECKPOINT_TORCH_FILL_IN_PLACE_H_
#define HOIST_CHECKPOINT_TORCH_FILL_IN_PLACE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/torch/fill_inputs.h"
#include "hoist/checkpoint/torch/load_into_report.h"
#include "hoist/checkpoint/torch/match_targets.h"

namespace hoist::libtorch {

// Fills the targets of `matches`, which MatchTargets() has found and which fit,
// in two passes that take `max_extra_bytes` of memory besides the targets at
// most, or what LoadIntoOptions says where that is too little. The first reads
// all and changes nothing: for errors of reading, checksums, and tied targets
// that have several tensors. The second reads it again, straight into the
// targets where it can. Errors of the first leave every target as it was; those
// of the second say that they are partly filled, once one of them may be. One
// of the second: kCancelled. Throws what LibTorch throws, before anything is
// changed.
//
// Targets whose memory overlaps without being the same are filled one after the
// other, in their order.
absl::StatusOr<LoadIntoReport> FillInPlace(const FillInputs& inputs,
                                           TargetMatches matches,
                                           uint64_t max_extra_bytes);

}  // namespace hoist::libtorch

#endif  // HOIST_CHECKPOINT_TORCH_FILL_IN_PLACE_H_
