#include "hoist/checkpoint/verify/range_checksums.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "hoist/core/hash/crc32.h"
#include "hoist/core/tensor/ops/crc32c.h"

namespace hoist {

void RangeChecksums::Add(int range, uint64_t offset_bytes,
                         absl::Span<const uint8_t> bytes) {
  if (!ranges_[range].has_checksum()) {
    return;
  }
  const uint32_t checksum =
      ranges_[range].crc32c ? Crc32c(bytes) : Crc32(bytes);
  MutexLock lock(&mu_);
  pieces_[range].push_back({.offset_bytes = offset_bytes,
                            .size_bytes = bytes.size(),
                            .checksum = checksum});
}

std::string RangeChecksums::Compare(int range) {
  const ByteRange& entry = ranges_[range];
  if (!entry.has_checksum()) {
    return "";
  }
  MutexLock lock(&mu_);
  std::vector<Piece>& pieces = pieces_[range];
  std::sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) {
    return a.offset_bytes < b.offset_bytes;
  });
  const auto combine = entry.crc32c ? CombineCrc32c : CombineCrc32;
  uint32_t checksum = 0;
  for (size_t i = 0; i < pieces.size(); ++i) {
    checksum =
        i == 0 ? pieces[i].checksum
               : combine(checksum, pieces[i].checksum, pieces[i].size_bytes);
  }
  const uint32_t recorded = entry.crc32c ? *entry.crc32c : *entry.crc32;
  return checksum == recorded
             ? ""
             : absl::StrFormat("its checksum is %08x, and %08x is recorded",
                               checksum, recorded);
}

}  // namespace hoist
