#ifndef HOIST_CHECKPOINT_FORMATS_DETECT_FOREIGN_FILES_H_
#define HOIST_CHECKPOINT_FORMATS_DETECT_FOREIGN_FILES_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace hoist {

// An error with a hint if `head`, the first bytes of a file of `size_bytes`,
// shows a format that Hoist knows and does not read: kUnimplemented for
// checkpoints of PyTorch, kInvalidArgument for others. Ok for anything else.
// Thread-safe.
absl::Status RefuseForeignFile(absl::string_view head, uint64_t size_bytes);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_DETECT_FOREIGN_FILES_H_
