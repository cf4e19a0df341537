#ifndef HOIST_CHECKPOINT_LOAD_TENSOR_VIEW_H_
#define HOIST_CHECKPOINT_LOAD_TENSOR_VIEW_H_

#include <memory>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/core/tensor/tensor.h"

namespace hoist {

// The tensor of `entry` over `buffer`, which holds its whole storage: without a
// copy, unless the entry is conjugated or negated lazily. That is resolved on
// the CPU only, and kUnimplemented elsewhere. Errors name the tensor.
// Thread-safe.
absl::StatusOr<Tensor> TensorView(const TensorEntry& entry,
                                  std::shared_ptr<Buffer> buffer);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_LOAD_TENSOR_VIEW_H_
