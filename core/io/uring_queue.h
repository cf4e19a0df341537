#ifndef HOIST_CORE_IO_URING_QUEUE_H_
#define HOIST_CORE_IO_URING_QUEUE_H_

#include <cstddef>
#include <memory>

#include "hoist/core/io/direct_file.h"
#include "hoist/core/io/read_queue.h"

namespace hoist {

// Reads `file` with O_DIRECT by an io_uring of its own, with registered bounce
// buffers where the system lets them be. Null, with a note in `file`, where
// there is no io_uring, or no memory. `file` must outlive it. Internal to
// core/io.
std::unique_ptr<ReadQueue> MakeUringQueue(DirectFile& file, int depth,
                                          size_t max_read_bytes);

}  // namespace hoist

#endif  // HOIST_CORE_IO_URING_QUEUE_H_
