#include "hoist/cuda/device_buffer.h"

#include <cuda_runtime_api.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/cuda/cuda_status.h"
#include "hoist/cuda/scoped_device.h"

namespace hoist {
namespace {

std::string FreeMemoryText() {
  size_t free_bytes = 0;
  size_t total_bytes = 0;
  if (cudaMemGetInfo(&free_bytes, &total_bytes) != cudaSuccess) {
    cudaGetLastError();
    return "";
  }
  return absl::StrCat(", of which ", free_bytes, " of ", total_bytes,
                      " bytes are free,");
}

}  // namespace

absl::StatusOr<DeviceBuffer> DeviceBuffer::Allocate(int device,
                                                    size_t size_bytes) {
  ScopedDevice scope(device);
  HOIST_RETURN_IF_ERROR(scope.status());
  if (size_bytes == 0) {
    return DeviceBuffer(device, nullptr, 0);
  }
  void* data = nullptr;
  if (const cudaError_t error = cudaMalloc(&data, size_bytes);
      error != cudaSuccess) {
    cudaGetLastError();
    return ToStatus(error,
                    absl::StrCat("Allocating ", size_bytes,
                                 " bytes on cuda:", device, FreeMemoryText()));
  }
  return DeviceBuffer(device, data, size_bytes);
}

void DeviceBuffer::Free() noexcept {
  if (data_ == nullptr) {
    return;
  }
  ScopedDevice scope(device_);
  if (cudaFree(data_) != cudaSuccess) {
    cudaGetLastError();
  }
  data_ = nullptr;
  size_bytes_ = 0;
}

}  // namespace hoist
