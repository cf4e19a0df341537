#include <cstdint>

#include "hoist/core/status/status_macros.h"
#include "hoist/cuda/kernels/byte_swap.h"
#include "hoist/cuda/kernels/byte_swap_arguments.h"
#include "hoist/core/tensor/ops/byte_swap_element.h"

namespace hoist {
namespace {

template <typename T>
void SwapAll(void* data, size_t count) {
  auto* const elements = static_cast<T*>(data);
  for (size_t i = 0; i < count; ++i) {
    elements[i] = ByteSwapElement()(elements[i]);
  }
}

}  // namespace

absl::Status ByteSwap(int, void* data, size_t count, int element_bytes,
                      CUstream_st*) {
  HOIST_RETURN_IF_ERROR(CheckByteSwapArguments(data, element_bytes));
  switch (element_bytes) {
    case 2:
      SwapAll<uint16_t>(data, count);
      break;
    case 4:
      SwapAll<uint32_t>(data, count);
      break;
    default:
      SwapAll<uint64_t>(data, count);
      break;
  }
  return absl::OkStatus();
}

}  // namespace hoist
