#ifndef HOIST_CHECKPOINT_ZIP_ZIP_HEADER_READER_H_
#define HOIST_CHECKPOINT_ZIP_ZIP_HEADER_READER_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/zip/zip_directory.h"
#include "hoist/core/io/random_access_file.h"
#include "hoist/core/thread/thread_pool.h"

namespace hoist {

// ZipDataOffset() of many members: where they are small and lie close to each
// other, one read fetches the headers of many. Thread-compatible.
class ZipHeaderReader {
 public:
  // `file` must outlive it.
  explicit ZipHeaderReader(const RandomAccessFile& file) : file_(file) {}

  absl::StatusOr<uint64_t> DataOffset(const ZipMember& member);

 private:
  // The bytes of the member's header, in the window.
  absl::StatusOr<absl::Span<const uint8_t>> Fetch(const ZipMember& member);

  const RandomAccessFile& file_;
  std::vector<uint8_t> buffer_;  // of which the window is the start
  uint64_t window_offset_ = 0;
  uint64_t window_bytes_ = 0;
};

// ZipDataOffset() of each of `members`, by `pool`'s threads as well unless that
// is null; blocks. Fastest in the order of the file. Errors are the first that
// a thread comes upon.
absl::StatusOr<std::vector<uint64_t>> ReadZipDataOffsets(
    const RandomAccessFile& file, absl::Span<const ZipMember* const> members,
    ThreadPool* pool);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_ZIP_ZIP_HEADER_READER_H_
