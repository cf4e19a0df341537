#ifndef HOIST_CUDA_PINNED_BUFFER_H_
#define HOIST_CUDA_PINNED_BUFFER_H_

#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hoist/core/thread/thread_pool.h"

namespace hoist {

// Owns page-locked host memory that all CUDA devices may copy from without
// staging: anonymous pages (huge ones where the system has them, and near the
// device where it knows what is near), touched and then registered, which is
// faster than to have CUDA allocate them. To register is slow (some 100 ms per
// GiB): make few, and keep them. A forked child does
// not have the memory. No copy may be under way when the destructor
// unregisters. Thread-compatible.
class PinnedBuffer {
 public:
  static constexpr size_t kAlignmentBytes = size_t{2} << 20;

  // Empty.
  PinnedBuffer() = default;
  // Allocates `size_bytes` of zeros, aligned to kAlignmentBytes; the memory
  // taken is a multiple of that too. Creates the context of `device` if need
  // be. Blocks; the pages are touched by `threads` too, if it is not null.
  // `size_bytes` 0 is kInvalidArgument; too little memory is
  // kResourceExhausted; no CUDA is kUnavailable.
  static absl::StatusOr<PinnedBuffer> Allocate(int device, size_t size_bytes,
                                               ThreadPool* threads = nullptr);

  PinnedBuffer(PinnedBuffer&& other) noexcept { *this = std::move(other); }
  PinnedBuffer& operator=(PinnedBuffer&& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(data_, other.data_);
    std::swap(size_bytes_, other.size_bytes_);
    other.Free();
    return *this;
  }
  ~PinnedBuffer() { Free(); }

  absl::Span<uint8_t> bytes() const { return {data_, size_bytes_}; }

 private:
  PinnedBuffer(int device, uint8_t* data, size_t size_bytes)
      : device_(device), data_(data), size_bytes_(size_bytes) {}
  void Free() noexcept;

  int device_ = 0;
  uint8_t* data_ = nullptr;
  size_t size_bytes_ = 0;
};

}  // namespace hoist

#endif  // HOIST_CUDA_PINNED_BUFFER_H_
