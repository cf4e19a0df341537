#include "hoist/cuda/cuda_absent.h"
#include "hoist/cuda/device_digests.h"

namespace hoist {

absl::StatusOr<std::vector<uint64_t>> DeviceDigests(
    int, absl::Span<const DeviceRange>, PinnedPool&) {
  return CudaAbsentError();
}

}  // namespace hoist
