#ifndef HOIST_CORE_TENSOR_OPS_DEQUANTIZE_H_
#define HOIST_CORE_TENSOR_OPS_DEQUANTIZE_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "hoist/core/tensor/dtype.h"
#include "hoist/core/tensor/ops/quantized_matrix.h"

namespace hoist {

// Makes `matrix`, whose elements are `source`, a matrix of `to` (bfloat16,
// float16 or float32) without blocks: each element times the scale of its
// block, computed in float32 and rounded once. `scales` are one a block,
// row-major.
//
// With one thread; nothing need be aligned but `scales`, and `destination`
// overlaps neither. Errors as CheckQuantizedMatrix(); spans of another size
// than the matrix asks for are kInvalidArgument. Thread-safe.
absl::Status Dequantize(const QuantizedMatrix& matrix,
                        absl::Span<const uint8_t> source,
                        absl::Span<const float> scales, DType to,
                        absl::Span<uint8_t> destination);

}  // namespace hoist

#endif  // HOIST_CORE_TENSOR_OPS_DEQUANTIZE_H_
