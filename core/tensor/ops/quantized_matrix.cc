#include "hoist/core/tensor/ops/quantized_matrix.h"

#include <limits>
#include <optional>

#include "absl/strings/str_cat.h"
#include "hoist/core/base/checked_math.h"

namespace hoist {

absl::StatusOr<int64_t> CheckQuantizedMatrix(const QuantizedMatrix& matrix,
                                             DType to) {
  if (matrix.dtype != DType::kFloat8E4m3fn &&
      matrix.dtype != DType::kFloat8E5m2) {
    return absl::UnimplementedError(absl::StrCat(
        "Blocks of ", DTypeName(matrix.dtype), " cannot be dequantised"));
  }
  if (to != DType::kBfloat16 && to != DType::kFloat16 &&
      to != DType::kFloat32) {
    return absl::UnimplementedError(
        absl::StrCat("Quantised blocks cannot be made ", DTypeName(to),
                     ", only bfloat16, float16 and float32"));
  }
  if (matrix.rows < 0 || matrix.columns < 0 || matrix.block_rows < 1 ||
      matrix.block_columns < 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "A matrix of ", matrix.rows, " x ", matrix.columns, " in blocks of ",
        matrix.block_rows, " x ", matrix.block_columns, " is none"));
  }
  const std::optional<int64_t> count = CheckedMul(matrix.rows, matrix.columns);
  if (!count.has_value() || *count > std::numeric_limits<int64_t>::max() / 4) {
    return absl::InvalidArgumentError(
        absl::StrCat("A matrix of ", matrix.rows, " x ", matrix.columns,
                     " does not fit into 63 bits"));
  }
  return *count;
}

}  // namespace hoist
