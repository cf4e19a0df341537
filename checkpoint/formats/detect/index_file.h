#ifndef HOIST_CHECKPOINT_FORMATS_DETECT_INDEX_FILE_H_
#define HOIST_CHECKPOINT_FORMATS_DETECT_INDEX_FILE_H_

#include "hoist/core/io/random_access_file.h"

namespace hoist {

// Whether `file` starts as the JSON index of a checkpoint in several files
// does; blocks. Thread-safe.
bool IsShardIndexFile(const RandomAccessFile& file);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_DETECT_INDEX_FILE_H_
