#include <cstdint>

#include "absl/strings/str_cat.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/ops/byte_swap.h"
#include "hoist/core/tensor/ops/byte_swap_element.h"
#include "hoist/cuda/kernels/byte_swap.h"
#include "hoist/cuda/kernels/check_aligned.h"
#include "hoist/cuda/kernels/launch.h"

namespace hoist {
namespace {

template <typename T>
__global__ void SwapAll(void* data, size_t count) {
  auto* const elements = static_cast<T*>(data);
  for (size_t i = FirstElement(); i < count; i += ElementStep()) {
    elements[i] = ByteSwapElement()(elements[i]);
  }
}

}  // namespace

absl::Status ByteSwapOnDevice(int device, void* data, size_t count,
                              int element_bytes, CUstream_st* stream) {
  HOIST_RETURN_IF_ERROR(CheckByteSwapWidth(element_bytes));
  HOIST_RETURN_IF_ERROR(CheckAligned(data, element_bytes));
  const auto kernel = element_bytes == 2   ? &SwapAll<uint16_t>
                      : element_bytes == 4 ? &SwapAll<uint32_t>
                                           : &SwapAll<uint64_t>;
  return Launch(device, stream,
                absl::StrCat("Byte-swapping ", count, " elements of ",
                             element_bytes, " bytes"),
                count, kernel, data, count);
}

}  // namespace hoist
