#ifndef HOIST_CHECKPOINT_VERIFY_MANIFEST_H_
#define HOIST_CHECKPOINT_VERIFY_MANIFEST_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "hoist/core/io/random_access_file.h"
#include "hoist/core/thread/cancel_token.h"

namespace hoist {

// Files and their SHA-256, in the text that sha256sum (of GNU coreutils) writes
// and checks.
struct ManifestEntry {
  std::string name;    // a path, as it is written there
  std::string sha256;  // 64 lower-case hexadecimal digits

  friend bool operator==(const ManifestEntry&, const ManifestEntry&) = default;
};

// Reads what `sha256sum`, with --binary and --tag too, writes. Empty lines and
// those that begin with # are left out. kInvalidArgument, with the number of
// the line, for all else. Thread-safe, like all here.
absl::StatusOr<std::vector<ManifestEntry>> ParseManifest(
    absl::string_view text);

// As `sha256sum` writes them.
std::string ManifestText(absl::Span<const ManifestEntry> entries);

// The entry for a file, of which `names` are what a manifest could call it,
// the likeliest first: or else the only one with the same last part; null if
// there is none, or if entries of that name differ.
const ManifestEntry* FindInManifest(absl::Span<const ManifestEntry> entries,
                                    absl::Span<const std::string> names);

// The SHA-256 of a whole file as 64 digits; blocks, with one thread.
// `on_progress`, which may be empty, is called with the bytes that each read
// adds. Errors are those of reading, and kCancelled; `cancel` may be null.
absl::StatusOr<std::string> FileSha256(
    std::shared_ptr<const RandomAccessFile> file, const CancelToken* cancel,
    const std::function<void(uint64_t bytes)>& on_progress);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_VERIFY_MANIFEST_H_
