#include "hoist/cuda/cuda_absent.h"
#include "hoist/cuda/uploader.h"

// Create() never succeeds, so that the rest is only here to be linked.
namespace hoist {

class Uploader::Impl {};

Uploader::Uploader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Uploader::~Uploader() = default;

absl::StatusOr<std::unique_ptr<Uploader>> Uploader::Create(int, PinnedPool&,
                                                           int,
                                                           const Options&) {
  return CudaAbsentError();
}

absl::StatusOr<Uploader::Slot> Uploader::Acquire() { return CudaAbsentError(); }

absl::StatusOr<std::optional<Uploader::Slot>> Uploader::TryAcquire() {
  return CudaAbsentError();
}

bool Uploader::can_cast() const { return false; }

size_t Uploader::cast_memory_bytes() const { return 0; }

absl::Status Uploader::Submit(Slot, absl::Span<const Copy>,
                              absl::Span<const Cast>) {
  return CudaAbsentError();
}

absl::Status Uploader::Finish() { return CudaAbsentError(); }

void Uploader::Cancel() {}

uint64_t Uploader::uploaded_bytes() const { return 0; }

}  // namespace hoist
