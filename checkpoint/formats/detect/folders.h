#ifndef HOIST_CHECKPOINT_FORMATS_DETECT_FOLDERS_H_
#define HOIST_CHECKPOINT_FORMATS_DETECT_FOLDERS_H_

#include <string>

#include "absl/status/status.h"

namespace hoist {

// Whether `path` is a directory.
bool IsFolder(const std::string& path);

// The error for a directory in place of a file: what it is, or which files that
// Hoist reads lie in it, with a hint that names one. kUnimplemented for a
// checkpoint that is a directory, kInvalidArgument for others. Looks into a
// bounded number of files; blocks. Thread-safe.
absl::Status RefuseFolder(const std::string& path);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_DETECT_FOLDERS_H_
