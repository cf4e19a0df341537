#ifndef HOIST_CUDA_KERNELS_CHECK_ALIGNED_H_
#define HOIST_CUDA_KERNELS_CHECK_ALIGNED_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace hoist {

// kInvalidArgument unless `data` is aligned to its elements of `bytes`. For the
// host and the device versions of cuda/kernels/, to which it is internal.
// Thread-safe.
inline absl::Status CheckAligned(const void* data, size_t bytes) {
  if (reinterpret_cast<uintptr_t>(data) % bytes != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "Memory is not aligned to its elements of ", bytes, " bytes"));
  }
  return absl::OkStatus();
}

}  // namespace hoist

#endif  // HOIST_CUDA_KERNELS_CHECK_ALIGNED_H_
