#ifndef HOIST_CHECKPOINT_LOAD_COUNTING_FILE_H_
#define HOIST_CHECKPOINT_LOAD_COUNTING_FILE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// Counts what is read of another file. It has no descriptor, so that nothing
// goes past it. Thread-safe.
class CountingFile : public RandomAccessFile {
 public:
  explicit CountingFile(std::shared_ptr<const RandomAccessFile> file)
      : file_(std::move(file)) {}

  const std::string& path() const override { return file_->path(); }
  uint64_t size_bytes() const override { return file_->size_bytes(); }
  absl::Status ReadAt(uint64_t offset, absl::Span<uint8_t> out) const override {
    bytes_ += out.size();
    ++reads_;
    return file_->ReadAt(offset, out);
  }

  uint64_t bytes() const { return bytes_; }
  int reads() const { return reads_; }

 private:
  const std::shared_ptr<const RandomAccessFile> file_;
  mutable std::atomic<uint64_t> bytes_ = 0;
  mutable std::atomic<int> reads_ = 0;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_LOAD_COUNTING_FILE_H_
