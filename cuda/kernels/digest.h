#ifndef HOIST_CUDA_KERNELS_DIGEST_H_
#define HOIST_CUDA_KERNELS_DIGEST_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"

struct CUstream_st;  // what a cudaStream_t points to

namespace hoist {

// Puts the digest of `size_bytes` at `data` into `*digest`, also of the
// device's memory: as Digest64() of core/tensor/ops/digest.h. `digest` is
// aligned to 8 bytes, else kInvalidArgument; `data` need not be.
//
// The device's memory is not looked at here, and nothing is waited for: the
// work is put on `stream`, one of the CUDA device `device`, and the calling
// thread may have any current device. A device that cannot run this build is
// kUnavailable.
//
// In a build without CUDA all memory is the host's, `device` and `stream` are
// ignored, and the work is done on return. Thread-safe.
absl::Status Digest64OnDevice(int device, const uint8_t* data,
                              size_t size_bytes, uint64_t* digest,
                              CUstream_st* stream);

}  // namespace hoist

#endif  // HOIST_CUDA_KERNELS_DIGEST_H_
