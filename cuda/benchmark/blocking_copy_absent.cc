#include "hoist/cuda/benchmark/blocking_copy.h"

// No DeviceBuffer can be made, so that this is only here to be linked.
namespace hoist {

absl::Status BlockingCopy(absl::Span<const uint8_t>, const DeviceBuffer&) {
  return absl::UnavailableError("Hoist was built without CUDA");
}

}  // namespace hoist
