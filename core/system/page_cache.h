#ifndef HOIST_CORE_SYSTEM_PAGE_CACHE_H_
#define HOIST_CORE_SYSTEM_PAGE_CACHE_H_

#include <cstdint>

#include "absl/status/statusor.h"

namespace hoist {

// How to ask the system.
enum class ResidencyMethod {
  kAny,        // the first of those below that works
  kCachestat,  // Linux 6.5 and later
  kMincore,
};

// What part of `size` bytes of the open file `fd`, from `offset` on, is in the
// page cache, from 0 to 1; 1 if there are no bytes. Of ranges longer than 64 MiB
// 64 samples of 1 MiB, spread evenly, are looked at. It is a moment's answer:
// the system may take back a page at any time.
//
// kUnavailable if the system does not say: it lacks the calls, forbids them,
// or keeps it from those who may not write the file. kInvalidArgument if the
// range is longer than a file can be. Other failures are as ErrnoStatus()'s.
// Reads nothing of the file. Thread-safe.
absl::StatusOr<double> ResidentFraction(
    int fd, uint64_t offset, uint64_t size,
    ResidencyMethod method = ResidencyMethod::kAny);

}  // namespace hoist

#endif  // HOIST_CORE_SYSTEM_PAGE_CACHE_H_
