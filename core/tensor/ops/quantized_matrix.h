#ifndef HOIST_CORE_TENSOR_OPS_QUANTIZED_MATRIX_H_
#define HOIST_CORE_TENSOR_OPS_QUANTIZED_MATRIX_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "hoist/core/tensor/dtype.h"

namespace hoist {

// A row-major matrix of 8-bit floats, of which each block of block_rows times
// block_columns has a scale of its own: as DeepSeek's checkpoints store a
// weight and its weight_scale_inv. Blocks at the right and lower edge may be
// smaller.
struct QuantizedMatrix {
  DType dtype = DType::kFloat8E4m3fn;  // or kFloat8E5m2
  int64_t rows = 0;
  int64_t columns = 0;
  int64_t block_rows = 128;
  int64_t block_columns = 128;

  // Number of blocks above one another, and side by side.
  int64_t grid_rows() const { return (rows - 1) / block_rows + 1; }
  int64_t grid_columns() const { return (columns - 1) / block_columns + 1; }
};

// Number of elements, which is that of bytes. kInvalidArgument for negative
// sizes, for blocks without elements and where the number, or that of bytes as
// elements of 4 bytes, does not fit into 63 bits; kUnimplemented for another
// dtype, or where Dequantize() cannot give `to`. Thread-safe.
absl::StatusOr<int64_t> CheckQuantizedMatrix(const QuantizedMatrix& matrix,
                                             DType to);

}  // namespace hoist

#endif  // HOIST_CORE_TENSOR_OPS_QUANTIZED_MATRIX_H_
