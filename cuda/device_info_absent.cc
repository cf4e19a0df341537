#include "hoist/cuda/cuda_absent.h"
#include "hoist/cuda/device_info.h"

namespace hoist {

absl::StatusOr<int> DeviceCount() { return CudaAbsentError(); }

absl::StatusOr<DeviceInfo> GetDeviceInfo(int) { return CudaAbsentError(); }

}  // namespace hoist
