#ifndef HOIST_BENCHMARKS_PACED_FILE_H_
#define HOIST_BENCHMARKS_PACED_FILE_H_

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <string>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "hoist/core/io/random_access_file.h"
#include "hoist/core/thread/mutex.h"

namespace hoist {

// Bytes in memory that come as fast as a disk of `bytes_per_second` would give
// them to any number of readers together: each read gets the disk for its time
// after the one before it, and blocks until that is over. Thread-safe.
class PacedFile : public RandomAccessFile {
 public:
  PacedFile(std::string content, double bytes_per_second)
      : content_(std::move(content)), bytes_per_second_(bytes_per_second) {}

  const std::string& path() const override { return path_; }
  uint64_t size_bytes() const override { return content_.size(); }

  absl::Status ReadAt(uint64_t offset, absl::Span<uint8_t> out) const override {
    return ReadScattered(offset, {&out, 1});
  }

  absl::Status ReadScattered(
      uint64_t offset,
      absl::Span<const absl::Span<uint8_t>> parts) const override {
    uint64_t size = 0;
    for (const absl::Span<uint8_t> part : parts) {
      size += part.size();
    }
    if (offset > content_.size() || size > content_.size() - offset) {
      return absl::DataLossError("A read outside of the file");
    }
    const Clock::time_point end = Reserve(size);
    const char* from = content_.data() + offset;
    for (const absl::Span<uint8_t> part : parts) {
      if (!part.empty()) {
        std::memcpy(part.data(), from, part.size());
        from += part.size();
      }
    }
    std::this_thread::sleep_until(end);
    return absl::OkStatus();
  }

 private:
  using Clock = std::chrono::steady_clock;

  // When a read of `size` bytes that begins now is over.
  Clock::time_point Reserve(uint64_t size) const ABSL_LOCKS_EXCLUDED(mu_) {
    const std::chrono::duration<double> time(static_cast<double>(size) /
                                             bytes_per_second_);
    MutexLock lock(&mu_);
    free_at_ = std::max(free_at_, Clock::now()) +
               std::chrono::duration_cast<Clock::duration>(time);
    return free_at_;
  }

  const std::string path_ = "paced";
  const std::string content_;
  const double bytes_per_second_;
  mutable Mutex mu_;
  mutable Clock::time_point free_at_ ABSL_GUARDED_BY(mu_);
};

}  // namespace hoist

#endif  // HOIST_BENCHMARKS_PACED_FILE_H_
