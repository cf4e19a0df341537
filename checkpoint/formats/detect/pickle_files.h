#ifndef HOIST_CHECKPOINT_FORMATS_DETECT_PICKLE_FILES_H_
#define HOIST_CHECKPOINT_FORMATS_DETECT_PICKLE_FILES_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// Whether `file`, which starts with `head`, is a bare pickle. Those of protocol
// 2 and later say so; older ones begin as a dict, list or object that Python
// pickles does, or are small and read as a pickle from their first byte to the
// last. Blocks. Errors are those of reading the file. Thread-safe.
absl::StatusOr<bool> IsBarePickle(const RandomAccessFile& file,
                                  absl::string_view head);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_DETECT_PICKLE_FILES_H_
