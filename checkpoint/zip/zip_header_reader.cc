#include "hoist/checkpoint/zip/zip_header_reader.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

// How far apart headers may lie for a read to fetch several.
constexpr uint64_t kWindowBytes = uint64_t{64} << 10;

}  // namespace

absl::StatusOr<absl::Span<const uint8_t>> ZipHeaderReader::Fetch(
    uint64_t offset, size_t size) {
  const uint64_t window_end = window_offset_ + window_.size();
  if (offset < window_offset_ || offset > window_end ||
      size > window_end - offset) {
    // After a header nearby, what follows is likely to be wanted too.
    const bool is_near = !window_.empty() && offset >= window_offset_ &&
                         offset - window_offset_ < kWindowBytes;
    const uint64_t left =
        file_.size_bytes() - std::min(offset, file_.size_bytes());
    const uint64_t ahead = is_near ? std::min(kWindowBytes, left) : 0;
    window_.resize(static_cast<size_t>(std::max<uint64_t>(size, ahead)));
    window_offset_ = offset;
    if (absl::Status status = file_.ReadAt(offset, absl::MakeSpan(window_));
        !status.ok()) {
      window_.clear();
      return status;
    }
  }
  return absl::MakeConstSpan(window_).subspan(
      static_cast<size_t>(offset - window_offset_), size);
}

absl::StatusOr<uint64_t> ZipHeaderReader::DataOffset(const ZipMember& member) {
  const auto header =
      Fetch(member.header_offset_bytes, ZipLocalHeaderBytes(member));
  if (!header.ok()) {
    return Annotate(header.status(), absl::StrCat("Header of ", member.name));
  }
  return ZipDataOffsetOf(member, *header, file_.size_bytes());
}

}  // namespace hoist
