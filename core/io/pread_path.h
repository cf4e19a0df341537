#ifndef HOIST_CORE_IO_PREAD_PATH_H_
#define HOIST_CORE_IO_PREAD_PATH_H_

#include <memory>

#include "hoist/core/io/random_access_file.h"
#include "hoist/core/io/read_path.h"

namespace hoist {

// Reads by the file's own ReadScattered(), one at a time. Internal to core/io.
std::unique_ptr<ReadPath> MakePreadPath(
    std::shared_ptr<const RandomAccessFile> file);

}  // namespace hoist

#endif  // HOIST_CORE_IO_PREAD_PATH_H_
