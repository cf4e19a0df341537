#include "hoist/cuda/cuda_absent.h"
#include "hoist/cuda/pinned_buffer.h"

namespace hoist {

absl::StatusOr<PinnedBuffer> PinnedBuffer::Allocate(int, size_t, ThreadPool*) {
  return CudaAbsentError();
}

void PinnedBuffer::Free() noexcept {}

}  // namespace hoist
