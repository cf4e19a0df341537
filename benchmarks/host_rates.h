#ifndef HOIST_BENCHMARKS_HOST_RATES_H_
#define HOIST_BENCHMARKS_HOST_RATES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "hoist/benchmarks/rate.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// What the host can do with a file and with memory of its size. Every
// measurement begins with a ballast of that size (see TouchAndFreeBallast()).
// `thread_counts` has at least one number, each at least 1. Names:
//   read_huge               from the page cache into fresh huge pages; two
//                           settings, of which the better is the ceiling
//   read_small              the same, into pages of 4 KiB
//   read_warm               from the page cache into memory touched before
//   read_direct             from the device into fresh huge pages; several
//                           settings, of which the best is the ceiling
//   memcpy                  from one half of touched memory to the other
//   touch_huge, touch_small a byte in each 4 KiB of fresh memory
//   crc32_cache, crc32_memory  checksums of what is in the cache, or is not
// The rates share the file and, from the first call that needs it on, touched
// memory of the file's size. They are to be measured one at a time.
std::vector<Rate> HostRates(std::shared_ptr<const RandomAccessFile> file,
                            const std::vector<int>& thread_counts);

}  // namespace hoist

#endif  // HOIST_BENCHMARKS_HOST_RATES_H_
