#ifndef HOIST_CHECKPOINT_FORMATS_DETECT_DETECT_H_
#define HOIST_CHECKPOINT_FORMATS_DETECT_DETECT_H_

#include <optional>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/zip/zip_directory.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// Which format `file` has, by its first 4 KiB and not by its name; blocks.
// (specs: pytorch-formats.md section 1) Says nothing of whether it is whole:
// its reader does. All else is an error that says what the file is, with a hint
// at the way out: kDataLoss for an empty file, kUnimplemented for checkpoints
// that Hoist does not read yet, kInvalidArgument for what is none. Thread-safe.
absl::StatusOr<Format> DetectFormat(const RandomAccessFile& file);

// The same; a zip archive's directory, which tells the formats in them apart,
// is left in `directory` for its reader, if it can be read.
absl::StatusOr<Format> DetectFormat(const RandomAccessFile& file,
                                    std::optional<ZipDirectory>& directory);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_DETECT_DETECT_H_
