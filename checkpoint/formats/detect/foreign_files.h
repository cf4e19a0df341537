#ifndef HOIST_CHECKPOINT_FORMATS_DETECT_FOREIGN_FILES_H_
#define HOIST_CHECKPOINT_FORMATS_DETECT_FOREIGN_FILES_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// An error with a hint if `file`, which starts with `head`, has a format that
// Hoist knows and does not read, or is none: kUnimplemented for checkpoints of
// PyTorch, kInvalidArgument for others, kDataLoss for zeros. Ok for anything
// else. Goes by what is in the file; its name only stands in hints. Blocks.
// Thread-safe.
absl::Status RefuseForeignFile(const RandomAccessFile& file,
                               absl::string_view head);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_DETECT_FOREIGN_FILES_H_
