#ifndef HOIST_CHECKPOINT_TORCH_COMPARE_TIED_H_
#define HOIST_CHECKPOINT_TORCH_COMPARE_TIED_H_

#include <c10/core/ScalarType.h>

#include <cstdint>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/core/thread/cancel_token.h"

namespace hoist::libtorch {

// What came of comparing two tensors for one place.
struct TiedComparison {
  bool is_same = true;
  // What casting the second has lost, where the two are the same.
  uint64_t infinite_count = 0;
  uint64_t nan_count = 0;
};

// Whether `a` and `b`, tensors of `catalog` of equal shape (or one element)
// that have storages, are the same bit for bit once they are cast to `dtype`.
// Reads both, step by step, in at most `max_bytes` of memory, or half a MiB
// and six chunks of storages that are encoded; compares no checksums. Blocks.
// Errors of reading with the tensors' names, and kCancelled; throws what
// LibTorch throws. `cancel` may be null. Thread-safe.
absl::StatusOr<TiedComparison> CompareTied(
    const Catalog& catalog, CatalogFiles files, const TensorEntry& a,
    const TensorEntry& b, at::ScalarType dtype, uint64_t max_bytes,
    const CancelToken* cancel);

}  // namespace hoist::libtorch

#endif  // HOIST_CHECKPOINT_TORCH_COMPARE_TIED_H_
