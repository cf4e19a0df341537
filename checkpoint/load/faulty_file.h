#ifndef HOIST_CHECKPOINT_LOAD_FAULTY_FILE_H_
#define HOIST_CHECKPOINT_LOAD_FAULTY_FILE_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// Another file, whose reads can be made to fail or to be slow. What reads by
// its descriptor(), which is the other's, goes past it. Thread-safe, but for
// the settings that are to be made before it is read.
class FaultyFile : public RandomAccessFile {
 public:
  explicit FaultyFile(std::shared_ptr<const RandomAccessFile> file)
      : file_(std::move(file)) {}

  // The `nth` read from now (1 is the next) is kDataLoss.
  void FailRead(int nth) { reads_left_ = nth; }
  // Each read of a byte from `offset` on is kDataLoss.
  void FailReadsFrom(uint64_t offset) { first_bad_ = offset; }
  // Each read takes so long.
  void SlowReads(std::chrono::microseconds time) { read_time_ = time; }
  // CheckUnchanged() is kDataLoss from now on; at any time.
  void Change() { has_changed_ = true; }

  // How many calls failed by these settings.
  int failures() const { return failures_; }

  const std::string& path() const override { return file_->path(); }
  uint64_t size_bytes() const override { return file_->size_bytes(); }
  int descriptor() const override { return file_->descriptor(); }

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
    std::this_thread::sleep_for(read_time_);
    if (--reads_left_ == 0 || offset + size > first_bad_) {
      return Fail(absl::StrCat("Reading ", size, " bytes at byte ", offset,
                               " failed as was asked for"));
    }
    return file_->ReadScattered(offset, parts);
  }

  absl::Status CheckUnchanged() const override {
    if (has_changed_) {
      return Fail("The file has changed as was asked for");
    }
    return file_->CheckUnchanged();
  }

 private:
  absl::Status Fail(const std::string& message) const {
    ++failures_;
    return absl::DataLossError(message);
  }

  const std::shared_ptr<const RandomAccessFile> file_;
  mutable std::atomic<int> reads_left_ = 0;
  uint64_t first_bad_ = std::numeric_limits<uint64_t>::max();
  std::chrono::microseconds read_time_{0};
  std::atomic<bool> has_changed_ = false;
  mutable std::atomic<int> failures_ = 0;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_LOAD_FAULTY_FILE_H_
