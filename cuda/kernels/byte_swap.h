#ifndef HOIST_CUDA_KERNELS_BYTE_SWAP_H_
#define HOIST_CUDA_KERNELS_BYTE_SWAP_H_

#include <cstddef>

#include "absl/status/status.h"

struct CUstream_st;  // what a cudaStream_t points to

namespace hoist {

// Reverses the bytes of each of `count` elements of `element_bytes` (2, 4 or 8)
// at `data`, in place: for checkpoints written on a big-endian machine.
//
// `data` is memory of the CUDA device `device`, aligned to `element_bytes`. The
// work is put on `stream`, one of that device, and not waited for; the calling
// thread may have any current device. Another size or alignment is
// kInvalidArgument; a device that cannot run this build is kUnavailable.
//
// In a build without CUDA, `data` is host memory, `device` and `stream` are
// ignored, and the work is done on return. Thread-safe.
absl::Status ByteSwapOnDevice(int device, void* data, size_t count,
                              int element_bytes, CUstream_st* stream);

}  // namespace hoist

#endif  // HOIST_CUDA_KERNELS_BYTE_SWAP_H_
