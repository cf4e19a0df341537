#include "hoist/cuda/cuda_absent.h"
#include "hoist/cuda/uploader.h"

// Create() never succeeds, so that the rest is only here to be linked.
namespace hoist {

class Uploader::Ring {};

Uploader::Uploader(std::unique_ptr<Ring> ring) : ring_(std::move(ring)) {}

Uploader::~Uploader() = default;

Uploader::Slot::~Slot() = default;

absl::StatusOr<std::unique_ptr<Uploader>> Uploader::Create(int,
                                                           const Options&) {
  return CudaAbsentError();
}

absl::StatusOr<Uploader::Slot> Uploader::Acquire() { return CudaAbsentError(); }

absl::Status Uploader::Submit(Slot, size_t, void*) { return CudaAbsentError(); }

absl::Status Uploader::Finish() { return CudaAbsentError(); }

void Uploader::Cancel() {}

size_t Uploader::pinned_bytes() const { return 0; }

uint64_t Uploader::uploaded_bytes() const { return 0; }

}  // namespace hoist
