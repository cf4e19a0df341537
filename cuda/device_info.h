#ifndef HOIST_CUDA_DEVICE_INFO_H_
#define HOIST_CUDA_DEVICE_INFO_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"

namespace hoist {

// Returns the number of usable CUDA devices, at least 1. No driver, no device
// or a build without CUDA is kUnavailable, with a hint. Thread-safe.
absl::StatusOr<int> DeviceCount();

struct DeviceInfo {
  std::string name;  // the vendor's, as "NVIDIA H200"
  int index = 0;     // as in "cuda:0"
  size_t total_bytes = 0;
  size_t free_bytes = 0;
  int compute_major = 0;
  int compute_minor = 0;
};

// Describes the device `index`. The first call for a device in a process
// creates its CUDA context, which takes some 100 ms. kUnavailable if there is
// no such device, else as DeviceCount(). Thread-safe.
absl::StatusOr<DeviceInfo> GetDeviceInfo(int index);

}  // namespace hoist

#endif  // HOIST_CUDA_DEVICE_INFO_H_
