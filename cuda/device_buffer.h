#ifndef HOIST_CUDA_DEVICE_BUFFER_H_
#define HOIST_CUDA_DEVICE_BUFFER_H_

#include <cstddef>
#include <utility>

#include "absl/status/statusor.h"

namespace hoist {

// Owns memory of one CUDA device, uninitialised at first. The destructor frees
// it, whatever the calling thread's current device; no copy into it may be
// under way then. Thread-compatible.
class DeviceBuffer {
 public:
  // Empty.
  DeviceBuffer() = default;
  // Allocates `size_bytes` on `device`, aligned to 256 bytes. Size 0 gives an
  // empty buffer. Blocks for the driver. Too little memory is
  // kResourceExhausted and names the wanted and the free bytes; a device that
  // is not there is kInvalidArgument; no CUDA is kUnavailable.
  static absl::StatusOr<DeviceBuffer> Allocate(int device, size_t size_bytes);

  DeviceBuffer(DeviceBuffer&& other) noexcept { *this = std::move(other); }
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(data_, other.data_);
    std::swap(size_bytes_, other.size_bytes_);
    other.Free();
    return *this;
  }
  ~DeviceBuffer() { Free(); }

  // A device address, not readable on the host; null if empty.
  void* data() const { return data_; }
  size_t size_bytes() const { return size_bytes_; }
  int device() const { return device_; }

 private:
  DeviceBuffer(int device, void* data, size_t size_bytes)
      : device_(device), data_(data), size_bytes_(size_bytes) {}
  void Free() noexcept;

  int device_ = 0;
  void* data_ = nullptr;
  size_t size_bytes_ = 0;
};

}  // namespace hoist

#endif  // HOIST_CUDA_DEVICE_BUFFER_H_
