#ifndef HOIST_CHECKPOINT_FORMATS_TORCH_ZIP_CUT_ARCHIVE_H_
#define HOIST_CHECKPOINT_FORMATS_TORCH_ZIP_CUT_ARCHIVE_H_

#include "absl/status/status.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// The kDataLoss, with a hint, for a zip archive without an end record: what is
// left of it, by the headers of its members, and how many of the tensors that
// the pickle at its start names are whole. Errors of reading as they are.
// Blocks for longer than opening a whole file would. Thread-safe.
absl::Status CutArchiveError(const RandomAccessFile& file);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_TORCH_ZIP_CUT_ARCHIVE_H_
