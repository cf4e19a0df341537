#ifndef HOIST_CHECKPOINT_FORMATS_DETECT_ZERO_FILES_H_
#define HOIST_CHECKPOINT_FORMATS_DETECT_ZERO_FILES_H_

#include "absl/status/status.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// kDataLoss with a hint if `file` starts with zeros, which no checkpoint does;
// it says whether there is anything else in it, by its first MiB, its end and
// some places between. Errors of reading as they are; blocks. Ok for a file
// whose first 16 bytes, or as many as it has, are not all zero. Thread-safe.
absl::Status RefuseZeros(const RandomAccessFile& file);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_DETECT_ZERO_FILES_H_
