#include "hoist/checkpoint/zip/zip_header_reader.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

// What is read at once where headers lie close to each other.
constexpr uint64_t kWindowBytes = uint64_t{64} << 10;
// Behind a member of more, its neighbour's header is read faster by itself than
// with all that lies between them.
constexpr uint64_t kSmallBytes = 4096;
// How many headers a thread reads before it takes others.
constexpr size_t kShard = 512;

}  // namespace

absl::StatusOr<absl::Span<const uint8_t>> ZipHeaderReader::Fetch(
    const ZipMember& member) {
  const uint64_t offset = member.header_offset_bytes;
  const size_t size = ZipLocalHeaderBytes(member);
  const uint64_t window_end = window_offset_ + window_bytes_;
  if (offset < window_offset_ || offset > window_end ||
      size > window_end - offset) {
    // After a header nearby, what follows is likely to be wanted too.
    const bool is_near = window_bytes_ > 0 && offset >= window_offset_ &&
                         offset - window_offset_ < kWindowBytes &&
                         member.stored_bytes < kSmallBytes;
    const uint64_t left =
        file_.size_bytes() - std::min(offset, file_.size_bytes());
    const uint64_t ahead = is_near ? std::min(kWindowBytes, left) : 0;
    const auto wanted = static_cast<size_t>(std::max<uint64_t>(size, ahead));
    if (buffer_.size() < wanted) {
      buffer_.resize(wanted);
    }
    window_bytes_ = 0;
    HOIST_RETURN_IF_ERROR(
        file_.ReadAt(offset, absl::MakeSpan(buffer_.data(), wanted)));
    window_offset_ = offset;
    window_bytes_ = wanted;
  }
  return absl::MakeConstSpan(buffer_).subspan(
      static_cast<size_t>(offset - window_offset_), size);
}

absl::StatusOr<uint64_t> ZipHeaderReader::DataOffset(const ZipMember& member) {
  const auto header = Fetch(member);
  if (!header.ok()) {
    return Annotate(header.status(), absl::StrCat("Header of ", member.name));
  }
  return ZipDataOffsetOf(member, *header, file_.size_bytes());
}

absl::StatusOr<std::vector<uint64_t>> ReadZipDataOffsets(
    const RandomAccessFile& file, absl::Span<const ZipMember* const> members,
    ThreadPool* pool) {
  std::vector<uint64_t> offsets(members.size());
  const auto read = [&](size_t begin, size_t end) {
    ZipHeaderReader reader(file);
    for (size_t i = begin; i < end; ++i) {
      HOIST_ASSIGN_OR_RETURN(offsets[i], reader.DataOffset(*members[i]));
    }
    return absl::OkStatus();
  };
  if (pool == nullptr || members.size() <= kShard) {
    HOIST_RETURN_IF_ERROR(read(0, members.size()));
    return offsets;
  }
  const size_t shards = (members.size() + kShard - 1) / kShard;
  HOIST_RETURN_IF_ERROR(
      ParallelFor(*pool, static_cast<int64_t>(shards), [&](int64_t shard) {
        const size_t begin = static_cast<size_t>(shard) * kShard;
        return read(begin, std::min(begin + kShard, members.size()));
      }));
  return offsets;
}

}  // namespace hoist
