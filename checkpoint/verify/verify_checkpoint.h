#ifndef HOIST_CHECKPOINT_VERIFY_VERIFY_CHECKPOINT_H_
#define HOIST_CHECKPOINT_VERIFY_VERIFY_CHECKPOINT_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/verify/verify_report.h"
#include "hoist/core/io/read_method.h"
#include "hoist/core/thread/cancel_token.h"
#include "hoist/core/thread/thread_pool.h"

namespace hoist {

struct VerifyOptions {
  VerifyLevel level = VerifyLevel::kChecksum;
  // Threads to read with; the caller's own works too. Null: only the caller's.
  // Not owned.
  ThreadPool* pool = nullptr;
  // How to read. Not given: what is fastest for where the bytes are now.
  std::optional<ReadMethod> read_method;
  // Ends it with kCancelled. Not owned.
  const CancelToken* cancel = nullptr;
  // Called with the bytes that are read and those that will be, often and from
  // any thread; it must be quick. May be empty.
  std::function<void(uint64_t done_bytes, uint64_t all_bytes)> on_progress;
};

// Holds what is at `path` against what it says of itself; blocks. Damage, be
// it that it cannot be opened for it, or that a file of several is not there,
// is no error but in the report: all of it, not only the first. Takes a few
// chunks of memory for each thread, except for tensors with gaps or repeats,
// which are looked at as a whole. Errors are those of opening that say nothing
// of damage (no such file, no checkpoint, a format that Hoist does not read),
// kCancelled, and kResourceExhausted.
absl::StatusOr<VerifyReport> VerifyPath(const std::string& path,
                                        const VerifyOptions& options);

// The same of what is open.
absl::StatusOr<VerifyReport> VerifyCheckpoint(const Checkpoint& checkpoint,
                                              const VerifyOptions& options);

// The same of the storages and tensors of a catalog that ValidateCatalog()
// accepts, and of nothing else that is in its files. The report has no path.
absl::StatusOr<VerifyReport> VerifyCatalog(const Catalog& catalog,
                                           CatalogFiles files,
                                           const VerifyOptions& options);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_VERIFY_VERIFY_CHECKPOINT_H_
