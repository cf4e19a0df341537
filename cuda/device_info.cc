#include "hoist/cuda/device_info.h"

#include <cuda_runtime_api.h>

#include "absl/strings/str_cat.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/cuda/cuda_status.h"
#include "hoist/cuda/scoped_device.h"

namespace hoist {

absl::StatusOr<int> DeviceCount() {
  int count = 0;
  cudaError_t error = cudaGetDeviceCount(&count);
  if (error == cudaSuccess && count <= 0) {
    error = cudaErrorNoDevice;
  }
  if (error == cudaSuccess) {
    return count;
  }
  cudaGetLastError();
  return WithHintFor(cudaErrorNoDevice,
                     absl::UnavailableError(absl::StrCat(
                         "No CUDA device: ", cudaGetErrorString(error))));
}

absl::StatusOr<DeviceInfo> GetDeviceInfo(int index) {
  HOIST_ASSIGN_OR_RETURN(const int count, DeviceCount());
  if (index < 0 || index >= count) {
    return absl::UnavailableError(
        absl::StrCat("cuda:", index, " is not there: this machine has ", count,
                     " CUDA device", count == 1 ? "" : "s"));
  }
  ScopedDevice scope(index);
  HOIST_RETURN_IF_ERROR(scope.status());
  cudaDeviceProp properties = {};
  HOIST_RETURN_IF_ERROR(
      ToStatus(cudaGetDeviceProperties(&properties, index),
               absl::StrCat("Asking for the properties of cuda:", index)));
  DeviceInfo info;
  info.name = properties.name;
  info.index = index;
  info.compute_major = properties.major;
  info.compute_minor = properties.minor;
  HOIST_RETURN_IF_ERROR(
      ToStatus(cudaMemGetInfo(&info.free_bytes, &info.total_bytes),
               absl::StrCat("Asking for the memory of cuda:", index)));
  return info;
}

}  // namespace hoist
