#ifndef HOIST_CUDA_KERNELS_GATHER_H_
#define HOIST_CUDA_KERNELS_GATHER_H_

#include <cstddef>

#include "absl/status/status.h"
#include "hoist/core/tensor/tensor_spec.h"

struct CUstream_st;  // what a cudaStream_t points to

namespace hoist {

// Copies the elements of a tensor of `spec`, whose first is at `source`, one
// after the other to `destination`, as Gather() of core/tensor/ops/gather.h
// does. They have the sizes that it asks for, do not overlap, and are aligned
// to their elements (of 16 bytes: to 8), else kInvalidArgument. Other errors as
// MakeStridedLayout().
//
// The device's memory is not looked at here, and nothing is waited for: the
// work is put on `stream`, one of the CUDA device `device`, and the calling
// thread may have any current device. A device that cannot run this build is
// kUnavailable.
//
// In a build without CUDA all memory is the host's, `device` and `stream` are
// ignored, and the work is done on return. Thread-safe.
absl::Status GatherOnDevice(int device, const TensorSpec& spec,
                            const void* source, void* destination,
                            CUstream_st* stream);

}  // namespace hoist

#endif  // HOIST_CUDA_KERNELS_GATHER_H_
