#include "hoist/checkpoint/formats/detect/zero_files.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

constexpr uint64_t kStartBytes = 16;
constexpr uint64_t kPieceBytes = 64 << 10;
constexpr uint64_t kFirstBytes = 1 << 20;
// Places after the first MiB that are looked at, the end among them.
constexpr uint64_t kPlaces = 32;

// Offset of the first byte from `begin` to `end` that is not zero.
absl::StatusOr<std::optional<uint64_t>> FindOther(const RandomAccessFile& file,
                                                  uint64_t begin,
                                                  uint64_t end) {
  std::vector<uint8_t> piece;
  while (begin < end) {
    piece.resize(static_cast<size_t>(std::min(kPieceBytes, end - begin)));
    HOIST_RETURN_IF_ERROR(file.ReadAt(begin, absl::MakeSpan(piece)));
    const auto other = std::find_if(piece.begin(), piece.end(),
                                    [](uint8_t byte) { return byte != 0; });
    if (other != piece.end()) {
      return begin + static_cast<uint64_t>(other - piece.begin());
    }
    begin += piece.size();
  }
  return std::nullopt;
}

absl::Status AllZero(uint64_t size_bytes, uint64_t seen_bytes) {
  return WithHint(
      absl::DataLossError(absl::StrCat(
          "The file is ", size_bytes, size_bytes == 1 ? " byte" : " bytes",
          seen_bytes < size_bytes
              ? absl::StrCat(", all zero in the ", seen_bytes,
                             " that were looked at")
              : ", all zero")),
      "A download or a copy reserved the space and never filled it: get the "
      "file again");
}

absl::Status ZeroAtTheStart(const RandomAccessFile& file, uint64_t other) {
  return WithHint(
      absl::DataLossError(absl::StrCat(
          "The file starts with zeros, and has other bytes at ", other,
          " of its ", file.size_bytes(),
          ": the start, where a checkpoint says what it is, was never written "
          "or is lost")),
      "A download or a copy in pieces may have lacked the first one: get the "
      "file again");
}

}  // namespace

absl::Status RefuseZeros(const RandomAccessFile& file) {
  const uint64_t size = file.size_bytes();
  HOIST_ASSIGN_OR_RETURN(const auto early,
                         FindOther(file, 0, std::min(size, kStartBytes)));
  if (early || size == 0) {
    return absl::OkStatus();
  }
  uint64_t seen = std::min(size, kFirstBytes);
  HOIST_ASSIGN_OR_RETURN(auto other, FindOther(file, 0, seen));
  // The last of them ends where the file does.
  const uint64_t step = (size - seen) / kPlaces;
  for (uint64_t i = 1; i <= kPlaces && !other && seen < size; ++i) {
    const uint64_t end = i == kPlaces ? size : kFirstBytes + i * step;
    const uint64_t begin =
        end - std::min(end - (kFirstBytes + (i - 1) * step), kPieceBytes);
    HOIST_ASSIGN_OR_RETURN(other, FindOther(file, begin, end));
    seen += end - begin;
  }
  return other ? ZeroAtTheStart(file, *other) : AllZero(size, seen);
}

}  // namespace hoist
