#ifndef HOIST_CHECKPOINT_FORMATS_TORCH_ZIP_FOREIGN_ARCHIVES_H_
#define HOIST_CHECKPOINT_FORMATS_TORCH_ZIP_FOREIGN_ARCHIVES_H_

#include "absl/status/status.h"
#include "hoist/checkpoint/zip/zip_directory.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// The error, with a hint, for a zip archive `zip` in `file` that is none of
// torch.save's: what it is, by the names of its members and how they start.
// kUnimplemented for what PyTorch writes, kInvalidArgument for others. Looks
// into a bounded number of members; blocks. Thread-safe.
absl::Status ForeignArchiveError(const RandomAccessFile& file,
                                 const ZipDirectory& zip);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_TORCH_ZIP_FOREIGN_ARCHIVES_H_
