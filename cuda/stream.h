#ifndef HOIST_CUDA_STREAM_H_
#define HOIST_CUDA_STREAM_H_

#include <driver_types.h>

#include <utility>

#include "absl/status/statusor.h"

namespace hoist {

// Owns a CUDA stream that does not synchronise with the default stream. The
// destructor does not wait: synchronise before what the stream uses goes.
// Internal to cuda/. Thread-compatible.
class Stream {
 public:
  // As ToStatus().
  static absl::StatusOr<Stream> Create(int device);

  Stream(Stream&& other) noexcept
      : device_(other.device_),
        stream_(std::exchange(other.stream_, nullptr)) {}
  Stream& operator=(Stream&&) = delete;
  ~Stream();

  cudaStream_t get() const { return stream_; }
  int device() const { return device_; }

 private:
  Stream(int device, cudaStream_t stream) : device_(device), stream_(stream) {}

  int device_;
  cudaStream_t stream_;
};

}  // namespace hoist

#endif  // HOIST_CUDA_STREAM_H_
