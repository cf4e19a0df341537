#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/cuda/cuda_status.h"
#include "hoist/cuda/kernels/byte_swap.h"
#include "hoist/cuda/kernels/byte_swap_arguments.h"
#include "hoist/core/tensor/ops/byte_swap_element.h"
#include "hoist/cuda/scoped_device.h"

namespace hoist {
namespace {

constexpr unsigned kThreadsPerBlock = 256;
// Enough to fill any device; each thread goes on to further elements.
constexpr size_t kMaxBlocks = 4096;

template <typename T>
__global__ void SwapAll(T* elements, size_t count) {
  const size_t step = static_cast<size_t>(gridDim.x) * blockDim.x;
  for (size_t i = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
       i < count; i += step) {
    elements[i] = ByteSwapElement()(elements[i]);
  }
}

template <typename T>
cudaError_t Launch(void* data, size_t count, cudaStream_t stream) {
  auto* elements = static_cast<T*>(data);
  const size_t blocks = (count - 1) / kThreadsPerBlock + 1;
  const dim3 grid(static_cast<unsigned>(std::min(blocks, kMaxBlocks)));
  void* arguments[] = {&elements, &count};
  // Not <<<>>>: this call's own error, and not one that was left behind.
  return cudaLaunchKernel(reinterpret_cast<const void*>(&SwapAll<T>), grid,
                          dim3(kThreadsPerBlock), arguments, 0, stream);
}

}  // namespace

absl::Status ByteSwap(int device, void* data, size_t count, int element_bytes,
                      CUstream_st* stream) {
  HOIST_RETURN_IF_ERROR(CheckByteSwapArguments(data, element_bytes));
  if (count == 0) {
    return absl::OkStatus();
  }
  ScopedDevice scope(device);
  HOIST_RETURN_IF_ERROR(scope.status());
  cudaError_t error = cudaSuccess;
  switch (element_bytes) {
    case 2:
      error = Launch<uint16_t>(data, count, stream);
      break;
    case 4:
      error = Launch<uint32_t>(data, count, stream);
      break;
    default:
      error = Launch<uint64_t>(data, count, stream);
      break;
  }
  return ToStatus(error,
                  absl::StrCat("Byte-swapping ", count, " elements of ",
                               element_bytes, " bytes on cuda:", device));
}

}  // namespace hoist
