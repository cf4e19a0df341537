#ifndef HOIST_CHECKPOINT_ZIP_ZIP_HEADER_READER_H_
#define HOIST_CHECKPOINT_ZIP_ZIP_HEADER_READER_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/zip/zip_directory.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// ZipDataOffset() of many members: where they are small and lie close to each
// other, one read fetches the headers of many. Thread-compatible.
class ZipHeaderReader {
 public:
  // `file` must outlive it.
  explicit ZipHeaderReader(const RandomAccessFile& file) : file_(file) {}

  absl::StatusOr<uint64_t> DataOffset(const ZipMember& member);

 private:
  // The bytes of a header, in window_.
  absl::StatusOr<absl::Span<const uint8_t>> Fetch(uint64_t offset, size_t size);

  const RandomAccessFile& file_;
  std::vector<uint8_t> window_;
  uint64_t window_offset_ = 0;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_ZIP_ZIP_HEADER_READER_H_
