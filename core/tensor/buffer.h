#ifndef HOIST_CORE_TENSOR_BUFFER_H_
#define HOIST_CORE_TENSOR_BUFFER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hoist/core/tensor/device.h"

namespace hoist {

// A run of memory on one device that tensors share; it goes with the last
// shared_ptr to it. The object is thread-safe, the bytes are the users' own
// affair.
class Buffer {
 public:
  static constexpr size_t kAlignmentBytes = 64;

  // Host memory, uninitialised, aligned to kAlignmentBytes. Size 0 is a buffer
  // with a null data(). kResourceExhausted where there is too little memory.
  static absl::StatusOr<std::shared_ptr<Buffer>> Allocate(size_t size_bytes);

  // Memory of someone else's; `release` is called once, when the buffer goes,
  // on whatever thread that is.
  static std::shared_ptr<Buffer> Wrap(void* data, size_t size_bytes,
                                      Device device,
                                      std::function<void()> release);

  ~Buffer();
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  // An address on device(): readable here only if that is the CPU.
  void* data() const { return data_; }
  size_t size_bytes() const { return size_bytes_; }
  Device device() const { return device_; }

  // The bytes of a buffer on the CPU.
  absl::Span<uint8_t> host_bytes() const;

 private:
  Buffer(void* data, size_t size_bytes, Device device,
         std::function<void()> release)
      : data_(data),
        size_bytes_(size_bytes),
        device_(device),
        release_(std::move(release)) {}

  void* const data_;
  const size_t size_bytes_;
  const Device device_;
  const std::function<void()> release_;
};

}  // namespace hoist

#endif  // HOIST_CORE_TENSOR_BUFFER_H_
