#ifndef HOIST_CUDA_KERNELS_LAUNCH_H_
#define HOIST_CUDA_KERNELS_LAUNCH_H_

#include <cuda_runtime.h>

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/cuda/cuda_status.h"
#include "hoist/cuda/scoped_device.h"

namespace hoist {

inline constexpr unsigned kThreadsPerBlock = 256;
// Enough to fill any device; each thread goes on to further elements.
inline constexpr size_t kMaxBlocks = 4096;

// In a kernel: the first element of this thread, and how far on its next is.
__device__ inline size_t FirstElement() {
  return static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ inline size_t ElementStep() {
  return static_cast<size_t>(gridDim.x) * blockDim.x;
}

// Puts `kernel` on `stream` of `device`, with threads for `count` elements;
// none if there are none. `what` names the work in errors, which are those of
// ToStatus(). Internal to the .cu files of cuda/kernels/. Thread-safe.
template <typename... Parameters>
absl::Status Launch(int device, CUstream_st* stream, absl::string_view what,
                    size_t count, void (*kernel)(Parameters...),
                    std::type_identity_t<Parameters>... parameters) {
  if (count == 0) {
    return absl::OkStatus();
  }
  ScopedDevice scope(device);
  HOIST_RETURN_IF_ERROR(scope.status());
  const size_t blocks = (count - 1) / kThreadsPerBlock + 1;
  const dim3 grid(static_cast<unsigned>(std::min(blocks, kMaxBlocks)));
  void* arguments[] = {&parameters...};
  // Not <<<>>>: this call's own error, and not one that was left behind.
  return ToStatus(
      cudaLaunchKernel(reinterpret_cast<const void*>(kernel), grid,
                       dim3(kThreadsPerBlock), arguments, 0, stream),
      absl::StrCat(what, " on cuda:", device));
}

}  // namespace hoist

#endif  // HOIST_CUDA_KERNELS_LAUNCH_H_
