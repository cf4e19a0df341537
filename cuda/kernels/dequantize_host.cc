#include "absl/types/span.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/ops/dequantize.h"
#include "hoist/cuda/kernels/check_aligned.h"
#include "hoist/cuda/kernels/dequantize.h"

namespace hoist {

absl::Status DequantizeOnDevice(int, const QuantizedMatrix& matrix,
                                const uint8_t* source, const float* scales,
                                DType to, void* destination, CUstream_st*) {
  HOIST_ASSIGN_OR_RETURN(const int64_t count, CheckQuantizedMatrix(matrix, to));
  const int64_t to_bytes = DTypeBits(to) / 8;
  HOIST_RETURN_IF_ERROR(CheckAligned(scales, sizeof(float)));
  HOIST_RETURN_IF_ERROR(CheckAligned(destination, to_bytes));
  const int64_t blocks =
      count == 0 ? 0 : matrix.grid_rows() * matrix.grid_columns();
  return Dequantize(
      matrix, absl::MakeSpan(source, count), absl::MakeSpan(scales, blocks), to,
      absl::MakeSpan(static_cast<uint8_t*>(destination), count * to_bytes));
}

}  // namespace hoist
