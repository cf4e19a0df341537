#ifndef HOIST_CORE_IO_TEXT_FILE_H_
#define HOIST_CORE_IO_TEXT_FILE_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "hoist/core/io/file_system.h"

namespace hoist {

// Small files as a whole: records, rules, indexes. Both block. Thread-safe.

// All of the file. Errors as of OpenFile(); kDataLoss, with the path, for one
// of more than `max_bytes`, of which none is read.
absl::StatusOr<std::string> ReadTextFile(const std::string& path,
                                         uint64_t max_bytes);

// Writes `text` to `path`, where it appears whole, and on the disk, or not at
// all (AtomicFile). kAlreadyExists if there is something, unless `overwrite`.
absl::Status WriteTextFile(FileSystem& file_system, const std::string& path,
                           absl::string_view text, bool overwrite);

}  // namespace hoist

#endif  // HOIST_CORE_IO_TEXT_FILE_H_
