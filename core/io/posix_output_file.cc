#include "hoist/core/io/posix_output_file.h"

#include <cerrno>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

absl::Status WriteError(int error_number, const std::string& path,
                        uint64_t offset, uint64_t size) {
  return ErrnoStatus(error_number,
                     absl::StrCat("\"", path, "\": Writing ", size,
                                  " bytes at byte ", offset, " failed"));
}

bool IsAligned(uint64_t offset, absl::Span<const uint8_t> bytes) {
  const auto address = reinterpret_cast<uintptr_t>(bytes.data());
  return (address | offset | bytes.size()) % kDirectWriteAlignment == 0;
}

void RaiseTo(std::atomic<uint64_t>& value, uint64_t at_least) {
  uint64_t seen = value.load();
  while (seen < at_least && !value.compare_exchange_weak(seen, at_least)) {
  }
}

}  // namespace

PosixOutputFile::PosixOutputFile(FileCalls& calls, std::string path,
                                 int descriptor, int direct_descriptor,
                                 uint64_t reserved_bytes)
    : calls_(calls),
      path_(std::move(path)),
      descriptor_(descriptor),
      direct_descriptor_(direct_descriptor),
      is_direct_(direct_descriptor >= 0),
      file_bytes_(reserved_bytes) {}

PosixOutputFile::~PosixOutputFile() {
  (void)CutToSize();
  if (direct_descriptor_ >= 0) {
    calls_.Close(direct_descriptor_);
  }
  calls_.Close(descriptor_);
}

ssize_t PosixOutputFile::Write(uint64_t offset,
                               absl::Span<const uint8_t> bytes) {
  const auto at = static_cast<off_t>(offset);
  if (is_direct_ && IsAligned(offset, bytes)) {
    const ssize_t written =
        calls_.Pwrite(direct_descriptor_, bytes.data(), bytes.size(), at);
    if (written >= 0 || (errno != EINVAL && errno != EOPNOTSUPP)) {
      return written;
    }
    is_direct_ = false;  // opening it was allowed, writing is not
  }
  return calls_.Pwrite(descriptor_, bytes.data(), bytes.size(), at);
}

absl::Status PosixOutputFile::WriteAt(uint64_t offset,
                                      absl::Span<const uint8_t> bytes) {
  constexpr uint64_t kMaxBytes = std::numeric_limits<off_t>::max();
  if (offset > kMaxBytes || bytes.size() > kMaxBytes - offset) {
    return WriteError(EFBIG, path_, offset, bytes.size());
  }
  while (!bytes.empty()) {
    const ssize_t written = Write(offset, bytes);
    if (written > 0) {
      offset += static_cast<uint64_t>(written);
      bytes.remove_prefix(static_cast<size_t>(written));
      RaiseTo(size_bytes_, offset);
    } else if (written == 0) {
      return WriteError(EIO, path_, offset, bytes.size());
    } else if (errno != EINTR) {
      const int error_number = errno;
      return WriteError(error_number, path_, offset, bytes.size());
    }
  }
  return absl::OkStatus();
}

absl::Status PosixOutputFile::CutToSize() {
  const uint64_t size = size_bytes_;
  if (file_bytes_ <= size) {
    return absl::OkStatus();
  }
  while (calls_.Ftruncate(descriptor_, static_cast<off_t>(size)) != 0) {
    if (errno != EINTR) {
      const int error_number = errno;
      return ErrnoStatus(error_number,
                         absl::StrCat("\"", path_, "\": Setting its size to ",
                                      size, " failed"));
    }
  }
  file_bytes_ = size;
  return absl::OkStatus();
}

absl::Status PosixOutputFile::Sync() {
  HOIST_RETURN_IF_ERROR(CutToSize());
  // Never again after an error: the kernel reports it once, and forgets it.
  while (calls_.Fsync(descriptor_) != 0) {
    if (errno != EINTR) {
      const int error_number = errno;
      return ErrnoStatus(
          error_number,
          absl::StrCat("\"", path_, "\": Bringing it to the disk failed"));
    }
  }
  return absl::OkStatus();
}

}  // namespace hoist
