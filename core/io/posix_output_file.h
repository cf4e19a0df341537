#ifndef HOIST_CORE_IO_POSIX_OUTPUT_FILE_H_
#define HOIST_CORE_IO_POSIX_OUTPUT_FILE_H_

#include <atomic>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "hoist/core/io/file_calls.h"
#include "hoist/core/io/output_file.h"

namespace hoist {

// A file by two descriptors: one with O_DIRECT for what is aligned, and one
// for all else. The kernel keeps the two in step as long as no page is written
// by both.
class PosixOutputFile final : public OutputFile {
 public:
  // Owns the descriptors; `direct_descriptor` is -1 where there is none. The
  // first `reserved_bytes` of the file are reserved, and it is that long.
  // `calls` must outlive it.
  PosixOutputFile(FileCalls& calls, std::string path, int descriptor,
                  int direct_descriptor, uint64_t reserved_bytes);
  ~PosixOutputFile() override;
  PosixOutputFile(const PosixOutputFile&) = delete;
  PosixOutputFile& operator=(const PosixOutputFile&) = delete;

  const std::string& path() const override { return path_; }
  absl::Status WriteAt(uint64_t offset,
                       absl::Span<const uint8_t> bytes) override;
  absl::Status Sync() override;

 private:
  ssize_t Write(uint64_t offset, absl::Span<const uint8_t> bytes);
  // Cuts off what was reserved and not written.
  absl::Status CutToSize();

  FileCalls& calls_;
  const std::string path_;
  const int descriptor_;
  const int direct_descriptor_;
  std::atomic<bool> is_direct_;
  std::atomic<uint64_t> size_bytes_ = 0;  // the end of what was written
  std::atomic<uint64_t> file_bytes_;      // with what was reserved
};

}  // namespace hoist

#endif  // HOIST_CORE_IO_POSIX_OUTPUT_FILE_H_
