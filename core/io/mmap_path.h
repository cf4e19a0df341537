#ifndef HOIST_CORE_IO_MMAP_PATH_H_
#define HOIST_CORE_IO_MMAP_PATH_H_

#include <memory>

#include "absl/status/statusor.h"
#include "hoist/core/io/random_access_file.h"
#include "hoist/core/io/read_path.h"

namespace hoist {

// Maps the whole file, privately. A read makes its pages present first, which
// turns what would be SIGBUS into an error; what is cut off later, while the
// caller uses mapped_bytes(), raises it. Errors with a hint for a file that
// has no descriptor or cannot be mapped. Internal to core/io.
absl::StatusOr<std::unique_ptr<ReadPath>> MakeMmapPath(
    std::shared_ptr<const RandomAccessFile> file);

}  // namespace hoist

#endif  // HOIST_CORE_IO_MMAP_PATH_H_
