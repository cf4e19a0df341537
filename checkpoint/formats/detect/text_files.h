#ifndef HOIST_CHECKPOINT_FORMATS_DETECT_TEXT_FILES_H_
#define HOIST_CHECKPOINT_FORMATS_DETECT_TEXT_FILES_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace hoist {

// An error with a hint if `head`, the first bytes of the file `path` of
// `size_bytes`, is text: a pointer to the wanted file, a web page, JSON, other
// text. kInvalidArgument, and kUnimplemented for the index of a checkpoint in
// several files. Ok for anything else. Thread-safe.
absl::Status RefuseTextFile(absl::string_view head, absl::string_view path,
                            uint64_t size_bytes);

// Whether `head` starts the JSON index of a checkpoint in several files.
bool IsShardIndex(absl::string_view head);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_DETECT_TEXT_FILES_H_
