#ifndef HOIST_CORE_IO_FILE_RANGE_H_
#define HOIST_CORE_IO_FILE_RANGE_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// A range of another file as a file of its own: a member of an archive.
// Thread-safe.
class FileRange : public RandomAccessFile {
 public:
  // `file` must outlive it, and have the range.
  FileRange(const RandomAccessFile& file, uint64_t offset_bytes,
            uint64_t size_bytes)
      : file_(file), offset_bytes_(offset_bytes), size_bytes_(size_bytes) {}

  const std::string& path() const override { return file_.path(); }
  uint64_t size_bytes() const override { return size_bytes_; }
  absl::Status ReadAt(uint64_t offset, absl::Span<uint8_t> out) const override {
    if (offset > size_bytes_ || out.size() > size_bytes_ - offset) {
      return absl::DataLossError(absl::StrCat(
          "Bytes ", offset, " to ", offset, " + ", out.size(),
          " are not inside the ", size_bytes_, " bytes of the member"));
    }
    return file_.ReadAt(offset_bytes_ + offset, out);
  }

 private:
  const RandomAccessFile& file_;
  const uint64_t offset_bytes_;
  const uint64_t size_bytes_;
};

}  // namespace hoist

#endif  // HOIST_CORE_IO_FILE_RANGE_H_
