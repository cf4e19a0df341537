#include "absl/strings/str_cat.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/ops/dequantize_element.h"
#include "hoist/cuda/kernels/check_aligned.h"
#include "hoist/cuda/kernels/dequantize.h"
#include "hoist/cuda/kernels/launch.h"

namespace hoist {
namespace {

// The numbers of a QuantizedMatrix that a kernel needs.
struct Grid {
  size_t count;
  size_t columns;
  size_t block_rows;
  size_t block_columns;
  size_t grid_columns;
};

using DequantizeKernel = void (*)(Grid grid, const uint8_t* source,
                                  const float* scales, void* destination);

template <DType kFrom, DType kTo>
__global__ void DequantizeAll(Grid grid, const uint8_t* source,
                              const float* scales, void* destination) {
  using Dequantize = DequantizeElement<kFrom, kTo>;
  auto* const to = static_cast<typename Dequantize::Destination*>(destination);
  for (size_t i = FirstElement(); i < grid.count; i += ElementStep()) {
    const size_t block =
        i / grid.columns / grid.block_rows * grid.grid_columns +
        i % grid.columns / grid.block_columns;
    to[i] = Dequantize()(source[i], scales[block]);
  }
}

template <DType kFrom>
DequantizeKernel KernelFrom(DType to) {
  switch (to) {
    case DType::kBfloat16:
      return &DequantizeAll<kFrom, DType::kBfloat16>;
    case DType::kFloat16:
      return &DequantizeAll<kFrom, DType::kFloat16>;
    default:
      return &DequantizeAll<kFrom, DType::kFloat32>;
  }
}

}  // namespace

absl::Status DequantizeOnDevice(int device, const QuantizedMatrix& matrix,
                                const uint8_t* source, const float* scales,
                                DType to, void* destination,
                                CUstream_st* stream) {
  HOIST_ASSIGN_OR_RETURN(const int64_t count, CheckQuantizedMatrix(matrix, to));
  HOIST_RETURN_IF_ERROR(CheckAligned(scales, sizeof(float)));
  HOIST_RETURN_IF_ERROR(CheckAligned(destination, DTypeBits(to) / 8));
  const Grid grid = {static_cast<size_t>(count),
                     static_cast<size_t>(matrix.columns),
                     static_cast<size_t>(matrix.block_rows),
                     static_cast<size_t>(matrix.block_columns),
                     static_cast<size_t>(matrix.grid_columns())};
  const DequantizeKernel kernel = matrix.dtype == DType::kFloat8E4m3fn
                                      ? KernelFrom<DType::kFloat8E4m3fn>(to)
                                      : KernelFrom<DType::kFloat8E5m2>(to);
  return Launch(device, stream,
                absl::StrCat("Dequantising ", matrix.rows, " x ",
                             matrix.columns, " elements to ", DTypeName(to)),
                grid.count, kernel, grid, source, scales, destination);
}

}  // namespace hoist
