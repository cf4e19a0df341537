#ifndef HOIST_BENCHMARKS_UNCACHED_READ_H_
#define HOIST_BENCHMARKS_UNCACHED_READ_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "hoist/core/thread/thread_pool.h"

namespace hoist {

constexpr uint64_t kUncachedAlignmentBytes = 4096;

// Reads the first `out.size()` bytes of the file at `path` past the page cache
// (O_DIRECT), `block_bytes` at a time, each thread of `pool` and the caller's
// (null: it alone) one block. `out` and `block_bytes` are multiples of
// kUncachedAlignmentBytes, as is the address; the end of the file may lie in
// the last block. Blocks. kInvalidArgument where the file system cannot;
// kDataLoss for a file that is shorter.
absl::Status ReadUncached(const std::string& path, uint64_t block_bytes,
                          ThreadPool* pool, absl::Span<uint8_t> out);

}  // namespace hoist

#endif  // HOIST_BENCHMARKS_UNCACHED_READ_H_
