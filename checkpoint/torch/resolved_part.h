#ifndef HOIST_CHECKPOINT_TORCH_RESOLVED_PART_H_
#define HOIST_CHECKPOINT_TORCH_RESOLVED_PART_H_

#include <ATen/core/Tensor.h>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/catalog/catalog.h"

namespace hoist::libtorch {

// `part`, elements of `entry` as the file has them, on the CPU; conjugated or
// negated as a contiguous copy, where the entry is lazily. Errors as of
// TensorView(). Thread-safe.
absl::StatusOr<at::Tensor> ResolvedPart(const TensorEntry& entry,
                                        const at::Tensor& part);

}  // namespace hoist::libtorch

#endif  // HOIST_CHECKPOINT_TORCH_RESOLVED_PART_H_
