#ifndef HOIST_CHECKPOINT_VERIFY_READ_RANGES_H_
#define HOIST_CHECKPOINT_VERIFY_READ_RANGES_H_

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/verify/byte_ranges.h"
#include "hoist/core/io/read_path.h"
#include "hoist/core/thread/cancel_token.h"
#include "hoist/core/thread/thread_pool.h"

namespace hoist {

// What ReadRanges() works with. All of it must outlive the call.
struct RangeInputs {
  absl::Span<const ByteRange> ranges;
  const RangePlan& plan;  // PlanRangeReads() of them
  CatalogFiles files;     // encoded ranges are read from them
  absl::Span<const std::unique_ptr<ReadPath>> paths;  // all others; by file
  ThreadPool* pool = nullptr;           // null: only the caller's thread works
  const CancelToken* cancel = nullptr;  // may be null
  // Called with all bytes of the range that could be read, decoded, each
  // once, by any thread and in any order: those from `offset_bytes` on, which
  // is a multiple of kSliceAlignment. It has nothing of them after it returns.
  std::function<void(int range, uint64_t offset_bytes,
                     absl::Span<const uint8_t> bytes)>
      on_bytes;
  // Called for what could not be read, by any thread, also several times for a
  // range. The other ranges are read nevertheless.
  std::function<void(int range, const absl::Status& status)> on_error;
  // Called with the bytes that are read so far, by any thread; may be empty.
  std::function<void(uint64_t done_bytes)> on_progress;
};

// Reads every range once into memory that is used again for the next: a few
// chunks for each thread, whatever the ranges' size. Blocks. kCancelled, or
// kResourceExhausted without memory.
absl::Status ReadRanges(const RangeInputs& inputs);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_VERIFY_READ_RANGES_H_
