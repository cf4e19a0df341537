#ifndef HOIST_CHECKPOINT_SCAN_MEMORY_FILE_H_
#define HOIST_CHECKPOINT_SCAN_MEMORY_FILE_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// Bytes in memory, read as a file. Thread-safe.
class MemoryFile : public RandomAccessFile {
 public:
  MemoryFile(std::string path, std::vector<uint8_t> bytes)
      : path_(std::move(path)), bytes_(std::move(bytes)) {}

  const std::string& path() const override { return path_; }
  uint64_t size_bytes() const override { return bytes_.size(); }
  absl::Status ReadAt(uint64_t offset, absl::Span<uint8_t> out) const override {
    if (offset > bytes_.size() || out.size() > bytes_.size() - offset) {
      return absl::DataLossError("a read behind the end");
    }
    if (!out.empty()) {
      std::memcpy(out.data(), bytes_.data() + offset, out.size());
    }
    return absl::OkStatus();
  }

 private:
  const std::string path_;
  const std::vector<uint8_t> bytes_;
};

// A range of another file, read as a file of its own. Thread-safe.
class FileRange : public RandomAccessFile {
 public:
  // `file` must outlive it, and have the range.
  FileRange(const RandomAccessFile& file, uint64_t offset, uint64_t size)
      : file_(file), offset_(offset), size_(size) {}

  const std::string& path() const override { return file_.path(); }
  uint64_t size_bytes() const override { return size_; }
  absl::Status ReadAt(uint64_t offset, absl::Span<uint8_t> out) const override {
    if (offset > size_ || out.size() > size_ - offset) {
      return absl::DataLossError("a read behind the end");
    }
    return file_.ReadAt(offset_ + offset, out);
  }

 private:
  const RandomAccessFile& file_;
  const uint64_t offset_;
  const uint64_t size_;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_SCAN_MEMORY_FILE_H_
