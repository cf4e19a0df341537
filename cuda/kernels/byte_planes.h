#ifndef HOIST_CUDA_KERNELS_BYTE_PLANES_H_
#define HOIST_CUDA_KERNELS_BYTE_PLANES_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"

struct CUstream_st;  // what a cudaStream_t points to

namespace hoist {

// Joins the byte planes of `count` elements of `element_bytes` at `planes` into
// `elements`, as JoinBytePlanes() of core/tensor/ops/byte_planes.h does. They
// do not overlap. `elements` is aligned to its elements, else kInvalidArgument.
// Other errors as CheckBytePlaneWidth().
//
// The device's memory is not looked at here, and nothing is waited for: the
// work is put on `stream`, one of the CUDA device `device`, and the calling
// thread may have any current device. A device that cannot run this build is
// kUnavailable.
//
// In a build without CUDA all memory is the host's, `device` and `stream` are
// ignored, and the work is done on return. Thread-safe.
absl::Status JoinBytePlanesOnDevice(int device, const uint8_t* planes,
                                    int element_bytes, void* elements,
                                    size_t count, CUstream_st* stream);

}  // namespace hoist

#endif  // HOIST_CUDA_KERNELS_BYTE_PLANES_H_
