#ifndef HOIST_CORE_IO_RANDOM_ACCESS_FILE_H_
#define HOIST_CORE_IO_RANDOM_ACCESS_FILE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace hoist {

// A file that any byte range can be read from. Thread-safe.
class RandomAccessFile {
 public:
  virtual ~RandomAccessFile() = default;

  // The path it was opened by, for messages.
  virtual const std::string& path() const = 0;

  // Its size when it was opened.
  virtual uint64_t size_bytes() const = 0;

  // Fills `out` from byte `offset`; blocks. All of it or an error: a range that
  // is not inside the file, or a file that has become shorter, is kDataLoss
  // with offset, wanted and found bytes. `out` is unspecified after an error.
  virtual absl::Status ReadAt(uint64_t offset,
                              absl::Span<uint8_t> out) const = 0;

  // The same for several places that the bytes from `offset` on go to, one
  // after the other: many small ones cost little more than one large.
  virtual absl::Status ReadScattered(
      uint64_t offset, absl::Span<const absl::Span<uint8_t>> parts) const;

  // What the kernel knows the open file by; -1 where there is no such. It is
  // the file's own, for as long as that lives.
  virtual int descriptor() const { return -1; }

  // Whether the file is what it was when it was opened, as far as its size and
  // the time of its last change say: kDataLoss, with what has changed, if not.
  virtual absl::Status CheckUnchanged() const;
};

// Opens a regular file for reads by pread(2), which are retried after EINTR,
// a few times after EIO, and continued after short reads. kNotFound,
// kPermissionDenied and so on with the path; kInvalidArgument for a directory,
// pipe or device.
absl::StatusOr<std::unique_ptr<RandomAccessFile>> OpenFile(
    const std::string& path);

}  // namespace hoist

#endif  // HOIST_CORE_IO_RANDOM_ACCESS_FILE_H_
