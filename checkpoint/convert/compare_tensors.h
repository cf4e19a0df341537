#ifndef HOIST_CHECKPOINT_CONVERT_COMPARE_TENSORS_H_
#define HOIST_CHECKPOINT_CONVERT_COMPARE_TENSORS_H_

#include "absl/status/status.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/core/thread/cancel_token.h"
#include "hoist/core/thread/thread_pool.h"

namespace hoist {

// The tensors of a checkpoint and where their bytes are. Both must outlive
// their use.
struct TensorSource {
  const Catalog& catalog;
  CatalogFiles files;
};

// Whether two checkpoints have the same tensors, bit for bit: by name, and those
// of one name in their order. Reads all of both, each byte that several tensors
// share once, in bounded memory (for those that lie otherwise in one of them,
// memory for one such), and holds them against checksums; blocks. kDataLoss,
// with the name, for the first that one of them has not or that differs in
// dtype, shape or elements, and for damaged or missing bytes; kCancelled.
// `pool` and `cancel` may be null. Thread-safe.
absl::Status CompareTensors(const TensorSource& wanted,
                            const TensorSource& found, ThreadPool* pool,
                            const CancelToken* cancel = nullptr);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_CONVERT_COMPARE_TENSORS_H_
