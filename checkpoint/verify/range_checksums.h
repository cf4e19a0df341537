#ifndef HOIST_CHECKPOINT_VERIFY_RANGE_CHECKSUMS_H_
#define HOIST_CHECKPOINT_VERIFY_RANGE_CHECKSUMS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/verify/byte_ranges.h"
#include "hoist/core/thread/mutex.h"

namespace hoist {

// Checksums of ranges, made piece by piece in any order on several threads.
// Thread-safe; Compare() for when all pieces are added.
class RangeChecksums {
 public:
  // `ranges` must outlive it.
  explicit RangeChecksums(absl::Span<const ByteRange> ranges)
      : ranges_(ranges), pieces_(ranges.size()) {}

  // Takes bytes of a range, from `offset_bytes` of it on; does nothing for a
  // range that has no checksum.
  void Add(int range, uint64_t offset_bytes, absl::Span<const uint8_t> bytes)
      ABSL_LOCKS_EXCLUDED(mu_);

  // What is wrong with that range, all bytes of which were added once, as "its
  // checksum is ..., and ... is recorded"; empty if nothing is.
  std::string Compare(int range) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Piece {
    uint64_t offset_bytes = 0;
    uint64_t size_bytes = 0;
    uint32_t checksum = 0;
  };

  const absl::Span<const ByteRange> ranges_;
  Mutex mu_;
  std::vector<std::vector<Piece>> pieces_ ABSL_GUARDED_BY(mu_);  // by range
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_VERIFY_RANGE_CHECKSUMS_H_
