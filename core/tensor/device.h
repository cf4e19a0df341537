#ifndef HOIST_CORE_TENSOR_DEVICE_H_
#define HOIST_CORE_TENSOR_DEVICE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace hoist {

enum class DeviceKind { kCpu, kCuda };

// Where bytes lie: host memory, or the memory of one CUDA device.
struct Device {
  DeviceKind kind = DeviceKind::kCpu;
  int index = 0;  // CUDA ordinal; 0 for the CPU

  static constexpr Device Cpu() { return {}; }
  static constexpr Device Cuda(int index) { return {DeviceKind::kCuda, index}; }
  bool is_cpu() const { return kind == DeviceKind::kCpu; }
  // "cpu" or "cuda:1".
  std::string ToString() const;

  friend bool operator==(const Device&, const Device&) = default;
};

// Reads "cpu", "cuda" (device 0) or "cuda:N"; kInvalidArgument otherwise. Says
// nothing about whether the device is there.
absl::StatusOr<Device> ParseDevice(absl::string_view text);

}  // namespace hoist

#endif  // HOIST_CORE_TENSOR_DEVICE_H_
