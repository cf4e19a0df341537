#ifndef HOIST_CUDA_KERNELS_BYTE_SWAP_ARGUMENTS_H_
#define HOIST_CUDA_KERNELS_BYTE_SWAP_ARGUMENTS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace hoist {

// Checks what ByteSwap() is called with, for its host and its device version.
// Internal to cuda/kernels/.
inline absl::Status CheckByteSwapArguments(const void* data,
                                           int element_bytes) {
  if (element_bytes != 2 && element_bytes != 4 && element_bytes != 8) {
    return absl::InvalidArgumentError(
        absl::StrCat("Elements of ", element_bytes,
                     " bytes cannot be byte-swapped: 2, 4 and 8 can"));
  }
  if (reinterpret_cast<uintptr_t>(data) % element_bytes != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("Memory to byte-swap is not aligned to its elements of ",
                     element_bytes, " bytes"));
  }
  return absl::OkStatus();
}

}  // namespace hoist

#endif  // HOIST_CUDA_KERNELS_BYTE_SWAP_ARGUMENTS_H_
