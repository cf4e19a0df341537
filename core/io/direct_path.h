#ifndef HOIST_CORE_IO_DIRECT_PATH_H_
#define HOIST_CORE_IO_DIRECT_PATH_H_

#include <memory>

#include "hoist/core/io/random_access_file.h"
#include "hoist/core/io/read_path.h"

namespace hoist {

// Reads with O_DIRECT by io_uring; where that is forbidden, by preadv(2); and
// where O_DIRECT is, from the page cache. Internal to core/io.
std::unique_ptr<ReadPath> MakeDirectPath(
    std::shared_ptr<const RandomAccessFile> file);

}  // namespace hoist

#endif  // HOIST_CORE_IO_DIRECT_PATH_H_
