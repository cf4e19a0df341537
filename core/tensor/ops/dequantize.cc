#include "hoist/core/tensor/ops/dequantize.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/ops/cpu_level.h"
#include "hoist/core/tensor/ops/dequantize_loops.h"

namespace hoist {

absl::Status Dequantize(const QuantizedMatrix& matrix,
                        absl::Span<const uint8_t> source,
                        absl::Span<const float> scales, DType to,
                        absl::Span<uint8_t> destination) {
  HOIST_ASSIGN_OR_RETURN(const int64_t count, CheckQuantizedMatrix(matrix, to));
  const int64_t to_bytes = DTypeBits(to) / 8;
  const auto elements = static_cast<uint64_t>(count);
  const uint64_t blocks =
      count == 0
          ? 0
          : static_cast<uint64_t>(matrix.grid_rows() * matrix.grid_columns());
  if (source.size() != elements || scales.size() != blocks ||
      destination.size() != elements * to_bytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        source.size(), " bytes, ", scales.size(), " scales and ",
        destination.size(), " bytes for the result are not those of ",
        matrix.rows, " x ", matrix.columns, " elements in ", blocks,
        " blocks"));
  }
  const DequantizeLoop loop =
      HOIST_FOR_CPU_LEVEL(FindDequantizeLoop)(matrix.dtype, to);
  const uint8_t* from = source.data();
  uint8_t* out = destination.data();
  for (int64_t row = 0; count > 0 && row < matrix.rows; ++row) {
    const float* scale =
        scales.data() + row / matrix.block_rows * matrix.grid_columns();
    for (int64_t left = matrix.columns; left > 0;) {
      const int64_t width = std::min(left, matrix.block_columns);
      loop(from, *scale++, out, static_cast<size_t>(width));
      from += width;
      out += width * to_bytes;
      left -= width;
    }
  }
  return absl::OkStatus();
}

}  // namespace hoist
