#include "hoist/cuda/cuda_absent.h"
#include "hoist/cuda/download.h"

namespace hoist {

absl::Status Download(int, absl::Span<const DeviceCopy>, PinnedPool&, int) {
  return CudaAbsentError();
}

}  // namespace hoist
