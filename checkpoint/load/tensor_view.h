#ifndef HOIST_CHECKPOINT_LOAD_TENSOR_VIEW_H_
#define HOIST_CHECKPOINT_LOAD_TENSOR_VIEW_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/core/tensor/tensor.h"

namespace hoist {

// The tensor of `entry` over `buffer`, which holds its storage from byte
// `begin_bytes` on, as far as the tensor needs it: without a copy, unless the
// entry is conjugated or negated lazily. That is resolved on the CPU only, and
// kUnimplemented elsewhere. Errors name the tensor. Thread-safe.
absl::StatusOr<Tensor> TensorView(const TensorEntry& entry,
                                  uint64_t begin_bytes,
                                  std::shared_ptr<Buffer> buffer);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_LOAD_TENSOR_VIEW_H_
