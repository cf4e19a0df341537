#include "hoist/checkpoint/catalog/chunk_reader.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "hoist/core/base/check.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/ops/crc32c.h"

namespace hoist {
namespace {

absl::Status CompareCrc(absl::Span<const uint8_t> bytes, uint32_t recorded) {
  const uint32_t crc = Crc32c(bytes);
  if (crc != recorded) {
    return WithHint(
        absl::DataLossError(absl::StrFormat(
            "damaged: its checksum is %08x, and %08x is recorded", crc,
            recorded)),
        "The file has changed since it was written; get it again, or take "
        "another checkpoint");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ChunkReader::ReadChunk(const RandomAccessFile& file,
                                    const StorageChunk& chunk,
                                    absl::Span<uint8_t> out) {
  const bool is_raw = chunk.encoding == ChunkEncoding::kRaw;
  absl::Span<uint8_t> stored = out;
  if (!is_raw) {
    stored_.resize(std::max<size_t>(stored_.size(), chunk.stored_bytes));
    stored = absl::MakeSpan(stored_).first(chunk.stored_bytes);
  }
  HOIST_RETURN_IF_ERROR(file.ReadAt(chunk.offset_bytes, stored));
  if (verify_) {
    HOIST_RETURN_IF_ERROR(CompareCrc(stored, chunk.stored_crc32c));
  }
  if (is_raw) {
    return absl::OkStatus();
  }
  HOIST_RETURN_IF_ERROR(decoder_.Decode(chunk.encoding, stored, out));
  return verify_ ? CompareCrc(out, chunk.crc32c) : absl::OkStatus();
}

absl::Status ChunkReader::Read(const RandomAccessFile& file,
                               const StorageEntry& storage,
                               uint64_t offset_bytes, absl::Span<uint8_t> out) {
  HOIST_CHECK(offset_bytes <= storage.size_bytes &&
              out.size() <= storage.size_bytes - offset_bytes);
  while (!out.empty()) {
    const uint64_t chunk_bytes = storage.chunks.front().size_bytes;
    const StorageChunk& chunk = storage.chunks[offset_bytes / chunk_bytes];
    const uint64_t skipped = offset_bytes % chunk_bytes;
    const size_t size =
        std::min<uint64_t>(chunk.size_bytes - skipped, out.size());
    const bool is_whole = size == chunk.size_bytes;
    if (is_whole || kept_chunk_ != &chunk) {
      if (!is_whole) {
        kept_chunk_ = nullptr;
        kept_.resize(chunk.size_bytes);
      }
      if (absl::Status status = ReadChunk(
              file, chunk, is_whole ? out.first(size) : absl::MakeSpan(kept_));
          !status.ok()) {
        return Annotate(status,
                        absl::StrCat("Chunk of ", chunk.stored_bytes,
                                     " bytes at byte ", chunk.offset_bytes));
      }
    }
    if (!is_whole) {
      kept_chunk_ = &chunk;
      std::copy_n(kept_.begin() + static_cast<ptrdiff_t>(skipped), size,
                  out.begin());
    }
    offset_bytes += size;
    out.remove_prefix(size);
  }
  return absl::OkStatus();
}

}  // namespace hoist
