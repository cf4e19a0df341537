#ifndef HOIST_CHECKPOINT_DIFF_DIFF_CHECKPOINTS_H_
#define HOIST_CHECKPOINT_DIFF_DIFF_CHECKPOINTS_H_

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/convert/compare_tensors.h"
#include "hoist/checkpoint/diff/diff_report.h"
#include "hoist/checkpoint/diff/number_diff.h"
#include "hoist/core/thread/cancel_token.h"
#include "hoist/core/thread/thread_pool.h"

namespace hoist {

struct DiffOptions {
  DiffLevel level = DiffLevel::kBytes;
  // Of the level kValues: tensors of the same dtype whose numbers are no
  // further apart are the same.
  Tolerance tolerance;
  bool only_tensors = false;            // no values, no metadata
  bool distrust_checksums = false;      // read what they say is the same, too
  bool stop_at_difference = false;      // the first is enough
  ThreadPool* pool = nullptr;           // may be null; not owned
  const CancelToken* cancel = nullptr;  // may be null; not owned
  // As CompareElementsOptions::on_progress.
  std::function<void(uint64_t done_bytes, uint64_t all_bytes)> on_progress;
};

// How `b` differs from `a`, whatever formats they are of. Elements are read on
// from the level kBytes, also of tensors that only one of them has, where one
// of the other is of the same form and could be the same under another name.
// Takes a few hundred MiB of memory beside the catalogs, whatever the sizes;
// blocks. Errors as of DiffCatalogs(), CompareElements() and ElementDigests();
// kDataLoss for a file that changes meanwhile. Thread-safe.
absl::StatusOr<DiffReport> DiffCheckpoints(const TensorSource& a,
                                           const TensorSource& b,
                                           const DiffOptions& options);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_DIFF_DIFF_CHECKPOINTS_H_
