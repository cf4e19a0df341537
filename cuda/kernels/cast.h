#ifndef HOIST_CUDA_KERNELS_CAST_H_
#define HOIST_CUDA_KERNELS_CAST_H_

#include <cstddef>

#include "absl/status/status.h"
#include "hoist/core/tensor/dtype.h"

struct CUstream_st;  // what a cudaStream_t points to

namespace hoist {

// Casts `count` elements at `source` to as many at `destination`, as Cast() of
// core/tensor/ops/cast.h does. They do not overlap, and each is aligned to its
// elements, else kInvalidArgument. Other errors as CheckCast().
//
// The device's memory is not looked at here, and nothing is waited for: the
// work is put on `stream`, one of the CUDA device `device`, and the calling
// thread may have any current device. A device that cannot run this build is
// kUnavailable.
//
// In a build without CUDA all memory is the host's, `device` and `stream` are
// ignored, and the work is done on return. Thread-safe.
absl::Status CastOnDevice(int device, DType from, const void* source, DType to,
                          void* destination, size_t count, CUstream_st* stream);

}  // namespace hoist

#endif  // HOIST_CUDA_KERNELS_CAST_H_
