#ifndef HOIST_CUDA_DEVICE_DIGESTS_H_
#define HOIST_CUDA_DEVICE_DIGESTS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hoist/cuda/pinned_pool.h"

namespace hoist {

// Bytes in a device's memory.
struct DeviceRange {
  const uint8_t* data = nullptr;
  size_t size_bytes = 0;
};

// The Digest64() of each of `ranges` of the CUDA device `device`, as their
// bytes are now: computed there, or, where this build has no code for that
// device, on the host, from a copy that goes through a slot of `pool`. Blocks.
// Nothing may write to the ranges meanwhile. Errors of CUDA, of DeviceBuffer
// (the device's digests take 8 bytes for each range there) and of the pool.
// Thread-safe.
absl::StatusOr<std::vector<uint64_t>> DeviceDigests(
    int device, absl::Span<const DeviceRange> ranges, PinnedPool& pool);

}  // namespace hoist

#endif  // HOIST_CUDA_DEVICE_DIGESTS_H_
