#ifndef HOIST_BENCHMARKS_WRITE_RATES_H_
#define HOIST_BENCHMARKS_WRITE_RATES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "hoist/benchmarks/rate.h"
#include "hoist/core/thread/thread_pool.h"

namespace hoist {

// What a disk takes: a new file of `size_bytes`, a multiple of 8 MiB, in
// `directory`, from touched memory until fsync() has returned. Names:
//   write_direct    past the page cache into reserved space; several settings,
//                   of which the best is the ceiling
//   write_buffered  through the page cache, with as many threads as a number of
//                   `thread_counts` says
//   write_file      by OutputFile, as checkpoints are written, in blocks of
//                   4 MiB
// Files of before are removed, and what other programs have written is on the
// disk, before a clock starts. The rates are to be measured one at a time.
std::vector<Rate> WriteRates(const std::string& directory, uint64_t size_bytes,
                             const std::vector<int>& thread_counts);

// The seconds that one such write to `path`, where nothing is, takes, of a
// multiple of 4096 bytes in blocks of `block_bytes`, which divides 64 MiB; with
// the threads of `pool` (null: the caller's alone). The file is removed.
absl::StatusOr<double> PlainWrite(const std::string& path, uint64_t size_bytes,
                                  uint64_t block_bytes, bool is_direct,
                                  ThreadPool* pool);

}  // namespace hoist

#endif  // HOIST_BENCHMARKS_WRITE_RATES_H_
