#include "hoist/cuda/cuda_absent.h"
#include "hoist/cuda/device_buffer.h"

namespace hoist {

absl::StatusOr<DeviceBuffer> DeviceBuffer::Allocate(int, size_t) {
  return CudaAbsentError();
}

void DeviceBuffer::Free() noexcept {}

}  // namespace hoist
