#ifndef HOIST_CORE_IO_OPEN_READ_PATH_H_
#define HOIST_CORE_IO_OPEN_READ_PATH_H_

#include <memory>

#include "absl/status/statusor.h"
#include "hoist/core/io/random_access_file.h"
#include "hoist/core/io/read_method.h"
#include "hoist/core/io/read_path.h"

namespace hoist {

// Opens `file` once more for `method`. kMmap of a file that cannot be mapped
// returns an error with a hint; kDirect falls back by itself, to reads without
// io_uring and to pread, and says so in Note().
absl::StatusOr<std::unique_ptr<ReadPath>> OpenReadPath(
    std::shared_ptr<const RandomAccessFile> file, ReadMethod method);

}  // namespace hoist

#endif  // HOIST_CORE_IO_OPEN_READ_PATH_H_
