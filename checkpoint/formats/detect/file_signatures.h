#ifndef HOIST_CHECKPOINT_FORMATS_DETECT_FILE_SIGNATURES_H_
#define HOIST_CHECKPOINT_FORMATS_DETECT_FILE_SIGNATURES_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace hoist {

// An error with a hint if `head`, the first bytes of a file, has the signature
// of a format that Hoist knows and does not read: kUnimplemented for
// checkpoints of PyTorch, kInvalidArgument for others. Ok for anything else.
// Thread-safe.
absl::Status RefuseBySignature(absl::string_view head);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_DETECT_FILE_SIGNATURES_H_
