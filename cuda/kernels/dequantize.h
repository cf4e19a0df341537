#ifndef HOIST_CUDA_KERNELS_DEQUANTIZE_H_
#define HOIST_CUDA_KERNELS_DEQUANTIZE_H_

#include <cstdint>

#include "absl/status/status.h"
#include "hoist/core/tensor/dtype.h"
#include "hoist/core/tensor/ops/quantized_matrix.h"

struct CUstream_st;  // what a cudaStream_t points to

namespace hoist {

// Makes `matrix`, whose elements are at `source` and whose scales at `scales`,
// a matrix of `to` at `destination`, as Dequantize() of
// core/tensor/ops/dequantize.h does. They do not overlap; `scales` and
// `destination` are aligned to their elements, else kInvalidArgument. Other
// errors as CheckQuantizedMatrix().
//
// The device's memory is not looked at here, and nothing is waited for: the
// work is put on `stream`, one of the CUDA device `device`, and the calling
// thread may have any current device. A device that cannot run this build is
// kUnavailable.
//
// In a build without CUDA all memory is the host's, `device` and `stream` are
// ignored, and the work is done on return. Thread-safe.
absl::Status DequantizeOnDevice(int device, const QuantizedMatrix& matrix,
                                const uint8_t* source, const float* scales,
                                DType to, void* destination,
                                CUstream_st* stream);

}  // namespace hoist

#endif  // HOIST_CUDA_KERNELS_DEQUANTIZE_H_
