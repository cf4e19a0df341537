#include "hoist/core/io/random_access_file.h"

#include "hoist/core/status/status_macros.h"

namespace hoist {

absl::Status RandomAccessFile::ReadScattered(
    uint64_t offset, absl::Span<const absl::Span<uint8_t>> parts) const {
  for (const absl::Span<uint8_t> part : parts) {
    HOIST_RETURN_IF_ERROR(ReadAt(offset, part));
    offset += part.size();
  }
  return absl::OkStatus();
}

absl::Status RandomAccessFile::CheckUnchanged() const {
  return absl::OkStatus();
}

}  // namespace hoist
