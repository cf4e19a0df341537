#ifndef HOIST_CUDA_BENCHMARK_BLOCKING_COPY_H_
#define HOIST_CUDA_BENCHMARK_BLOCKING_COPY_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "hoist/cuda/device_buffer.h"

namespace hoist {

// Copies `source` to the start of `destination` and waits for it: in one piece,
// from whatever kind of memory it is, so that benchmarks see what a link does
// and what pageable memory costs. Loads go through the Uploader. A source
// larger than the destination is kInvalidArgument; otherwise as ToStatus().
// Thread-safe for different destinations.
absl::Status BlockingCopy(absl::Span<const uint8_t> source,
                          const DeviceBuffer& destination);

}  // namespace hoist

#endif  // HOIST_CUDA_BENCHMARK_BLOCKING_COPY_H_
