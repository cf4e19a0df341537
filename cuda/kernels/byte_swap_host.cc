#include <cstdint>

#include "absl/types/span.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/ops/byte_swap.h"
#include "hoist/cuda/kernels/byte_swap.h"
#include "hoist/cuda/kernels/check_aligned.h"

namespace hoist {

absl::Status ByteSwapOnDevice(int, void* data, size_t count, int element_bytes,
                              CUstream_st*) {
  HOIST_RETURN_IF_ERROR(CheckByteSwapWidth(element_bytes));
  HOIST_RETURN_IF_ERROR(CheckAligned(data, element_bytes));
  return ByteSwap(
      absl::MakeSpan(static_cast<uint8_t*>(data), count * element_bytes),
      element_bytes);
}

}  // namespace hoist
