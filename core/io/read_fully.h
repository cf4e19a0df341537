#ifndef HOIST_CORE_IO_READ_FULLY_H_
#define HOIST_CORE_IO_READ_FULLY_H_

#include <sys/types.h>

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/types/span.h"

namespace hoist {

// pread(2) without its file descriptor: returns bytes read, 0 at the end of the
// file, or -1 with errno.
using PreadFunction =
    absl::FunctionRef<ssize_t(void* buffer, size_t size, off_t offset)>;

// Fills `out` from `offset` by as many calls as it takes: EINTR is retried, a
// short read continued. kDataLoss if the end of the file comes first; the
// errno's code otherwise. Thread-safe if `pread` is.
absl::Status ReadFully(PreadFunction pread, uint64_t offset,
                       absl::Span<uint8_t> out);

}  // namespace hoist

#endif  // HOIST_CORE_IO_READ_FULLY_H_
