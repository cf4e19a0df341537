#ifndef HOIST_BENCHMARKS_CHUNKS_H_
#define HOIST_BENCHMARKS_CHUNKS_H_

#include <algorithm>
#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/thread/thread_pool.h"

namespace hoist {

// Calls `body` with offset and size of each run of `chunk_bytes` in
// `size_bytes` (the last may be shorter), on the pool's threads and the
// caller's; with a null `pool` on the caller's alone, in order. Blocks; returns
// the first error. Thread-safe.
inline absl::Status ForEachChunk(
    ThreadPool* pool, uint64_t size_bytes, uint64_t chunk_bytes,
    absl::FunctionRef<absl::Status(uint64_t offset, uint64_t size)> body) {
  const auto count =
      static_cast<int64_t>((size_bytes + chunk_bytes - 1) / chunk_bytes);
  const auto run = [&](int64_t i) {
    const uint64_t offset = static_cast<uint64_t>(i) * chunk_bytes;
    return body(offset, std::min(chunk_bytes, size_bytes - offset));
  };
  if (pool != nullptr) {
    return ParallelFor(*pool, count, run);
  }
  for (int64_t i = 0; i < count; ++i) {
    HOIST_RETURN_IF_ERROR(run(i));
  }
  return absl::OkStatus();
}

}  // namespace hoist

#endif  // HOIST_BENCHMARKS_CHUNKS_H_
