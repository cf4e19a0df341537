#ifndef HOIST_BENCHMARKS_EVICT_H_
#define HOIST_BENCHMARKS_EVICT_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace hoist {

// What is in the page cache of one file, and how to have it there or not. The
// host of a virtual machine may cache too: nothing here sees or changes that.
// Thread-safe; all block.

// The most of a file that may be in the page cache for a read to be cold.
constexpr double kMaxColdShare = 0.01;

// The share of the pages of the file at `path` that are in the page cache, from
// 0 to 1; 0 for an empty file. Errors of the file as they are.
absl::StatusOr<double> ResidentShare(const std::string& path);

// Writes the file at `path` back to its device, drops it from the page cache,
// and looks whether it is gone. kFailedPrecondition if more than kMaxColdShare
// stay: another process maps the file, or its file system has no device.
absl::Status EvictFromPageCache(const std::string& path);

// Reads the whole file at `path`. kFailedPrecondition if it is not in the page
// cache afterwards.
absl::Status WarmPageCache(const std::string& path);

}  // namespace hoist

#endif  // HOIST_BENCHMARKS_EVICT_H_
