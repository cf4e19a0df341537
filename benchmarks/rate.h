#ifndef HOIST_BENCHMARKS_RATE_H_
#define HOIST_BENCHMARKS_RATE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace hoist {

// Something that moves bytes, to be measured again and again.
struct Rate {
  std::string name;         // "read_huge"
  std::string description;  // "page cache into fresh huge pages"
  int threads = 1;
  uint64_t block_bytes = 0;  // of each read; 0 where it is no choice
  uint64_t bytes = 0;        // that one call of `measure` moves
  // Does it once and returns the seconds that took, without what has to be
  // ready before; blocks. kUnavailable or kInvalidArgument where this system
  // cannot.
  std::function<absl::StatusOr<double>()> measure;
};

}  // namespace hoist

#endif  // HOIST_BENCHMARKS_RATE_H_
