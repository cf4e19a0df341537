#ifndef HOIST_CHECKPOINT_SCAN_BYTE_WINDOW_H_
#define HOIST_CHECKPOINT_SCAN_BYTE_WINDOW_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// Bytes of a file, seen through a buffer that moves over it: for whoever walks
// through it mostly forwards. Thread-compatible.
class ByteWindow {
 public:
  static constexpr size_t kMaxBytes = size_t{64} << 10;

  // `file` must outlive it.
  explicit ByteWindow(const RandomAccessFile& file) : file_(file) {}

  uint64_t size_bytes() const { return file_.size_bytes(); }

  // At most `size` bytes from `offset`, up to kMaxBytes; fewer where the file
  // ends, or cannot be read. Valid until the next call. Blocks.
  absl::Span<const uint8_t> At(uint64_t offset, size_t size) {
    if (offset >= begin_ && offset - begin_ <= buffer_.size() &&
        size <= buffer_.size() - (offset - begin_)) {
      return absl::MakeConstSpan(buffer_).subspan(offset - begin_, size);
    }
    return Load(offset, size);
  }

  // The first error of reading the file.
  const absl::Status& status() const { return status_; }

  // How often the buffer was filled.
  uint64_t loads() const { return loads_; }

 private:
  absl::Span<const uint8_t> Load(uint64_t offset, size_t size);

  const RandomAccessFile& file_;
  std::vector<uint8_t> buffer_;
  uint64_t begin_ = 0;
  uint64_t loads_ = 0;
  absl::Status status_;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_SCAN_BYTE_WINDOW_H_
