#ifndef HOIST_CHECKPOINT_VERIFY_CHECK_MANIFEST_H_
#define HOIST_CHECKPOINT_VERIFY_CHECK_MANIFEST_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/verify/manifest.h"
#include "hoist/checkpoint/verify/verify_report.h"
#include "hoist/core/thread/cancel_token.h"
#include "hoist/core/thread/thread_pool.h"

namespace hoist {

struct DigestOptions {
  // Each thread, the caller's too, reads one file at a time. May be null.
  ThreadPool* pool = nullptr;
  const CancelToken* cancel = nullptr;
  // As of VerifyOptions.
  std::function<void(uint64_t done_bytes, uint64_t all_bytes)> on_progress;
};

// Digests of the file at `path`, or of all files in the folder there and in
// its folders, but for those whose name begins with a dot, and for the file
// `manifest_path`. They are named as seen from the folder of that, in the order
// of names: so `sha256sum -c` checks them there. Blocks. Errors of reading,
// and kCancelled.
absl::StatusOr<std::vector<ManifestEntry>> MakeManifest(
    const std::string& path, const std::string& manifest_path,
    const DigestOptions& options);

// Holds the same files against `entries` of the file `manifest_path`, and puts
// what is found into `report`: files whose digests differ, that cannot be read,
// or that are missing from the folder are damaged; files without an entry are
// not possible to check. Where each has one, checksums that the files do not
// record are no longer missed. Blocks; kCancelled, and errors of listing the
// folder.
absl::Status CheckManifest(const std::string& path,
                           const std::string& manifest_path,
                           absl::Span<const ManifestEntry> entries,
                           const DigestOptions& options, VerifyReport& report);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_VERIFY_CHECK_MANIFEST_H_
