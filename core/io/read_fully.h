#ifndef HOIST_CORE_IO_READ_FULLY_H_
#define HOIST_CORE_IO_READ_FULLY_H_

#include <sys/types.h>
#include <sys/uio.h>

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/types/span.h"

namespace hoist {

// preadv(2) without its file descriptor: returns bytes read, 0 at the end of
// the file, or -1 with errno.
using PreadvFunction =
    absl::FunctionRef<ssize_t(const iovec* parts, int count, off_t offset)>;

// How often a read that failed with EIO is tried again where it stopped: a
// network's hiccup passes, a broken disk stays broken.
inline constexpr int kMaxIoRetries = 3;

// Fills `parts`, one after the other, from `offset` on by as many calls as it
// takes: EINTR is retried, EIO kMaxIoRetries times, a short read continued.
// kDataLoss if the end of the file comes first; the errno's code otherwise.
// Thread-safe if `preadv` is.
absl::Status ReadFully(PreadvFunction preadv, uint64_t offset,
                       absl::Span<const absl::Span<uint8_t>> parts);

}  // namespace hoist

#endif  // HOIST_CORE_IO_READ_FULLY_H_
