#ifndef HOIST_CHECKPOINT_TORCH_OVERLAPPING_TARGETS_H_
#define HOIST_CHECKPOINT_TORCH_OVERLAPPING_TARGETS_H_

#include <ATen/core/Tensor.h>

#include <vector>

#include "absl/types/span.h"

namespace hoist::libtorch {

// By tensor, whether some of its memory, from its first to its last element,
// may be that of another one too. All of them have memory. Thread-safe.
std::vector<bool> OverlappingTargets(absl::Span<const at::Tensor> tensors);

}  // namespace hoist::libtorch

#endif  // HOIST_CHECKPOINT_TORCH_OVERLAPPING_TARGETS_H_
