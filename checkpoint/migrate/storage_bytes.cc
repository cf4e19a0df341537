#include "hoist/checkpoint/migrate/storage_bytes.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "hoist/core/base/checked_math.h"
#include "hoist/core/hash/crc32.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/ops/byte_swap.h"

namespace hoist {
namespace {

constexpr uint64_t kPieceBytes = uint64_t{1} << 20;

}  // namespace

StorageBytes::StorageBytes(std::shared_ptr<const RandomAccessFile> file,
                           const StorageEntry& storage)
    : file_(std::move(file)), storage_(storage) {}

absl::Status StorageBytes::Inflate(uint64_t offset,
                                   absl::Span<uint8_t> out) const {
  if (!stream_ || stream_offset_ > offset) {
    stream_.emplace(*file_, storage_.offset_bytes, *storage_.deflated_bytes);
    stream_offset_ = 0;
  }
  std::vector<uint8_t> skipped(
      std::min<uint64_t>(offset - stream_offset_, kPieceBytes));
  while (stream_offset_ < offset) {
    const auto part = absl::MakeSpan(skipped).subspan(
        0, static_cast<size_t>(
               std::min<uint64_t>(offset - stream_offset_, skipped.size())));
    HOIST_RETURN_IF_ERROR(stream_->Read(part));
    stream_offset_ += part.size();
  }
  HOIST_RETURN_IF_ERROR(stream_->Read(out));
  stream_offset_ += out.size();
  if (stream_offset_ < storage_.size_bytes) {
    return absl::OkStatus();
  }
  const absl::Status end = stream_->ExpectEnd();
  // Its tables are not kept for each storage that was read.
  stream_.reset();
  return end;
}

absl::Status StorageBytes::ReadStored(uint64_t offset,
                                      absl::Span<uint8_t> out) const {
  if (!storage_.chunks.empty()) {
    MutexLock lock(&stream_mutex_);
    return chunks_.Read(*file_, storage_, offset, out);
  }
  if (!storage_.deflated_bytes) {
    return file_->ReadAt(storage_.offset_bytes + offset, out);
  }
  MutexLock lock(&stream_mutex_);
  const absl::Status status = Inflate(offset, out);
  if (!status.ok()) {
    stream_.reset();
  }
  return status;
}

absl::Status StorageBytes::ReadUnchecked(uint64_t offset,
                                         absl::Span<uint8_t> out) const {
  const auto unit = static_cast<uint64_t>(storage_.swap_bytes);
  if (unit == 1) {
    return ReadStored(offset, out);
  }
  if (offset % unit == 0 && out.size() % unit == 0) {
    HOIST_RETURN_IF_ERROR(ReadStored(offset, out));
    return ByteSwap(out, storage_.swap_bytes);
  }
  // Widened to whole units, of which a storage is a whole number.
  const uint64_t begin = offset / unit * unit;
  const uint64_t end = (offset + out.size() + unit - 1) / unit * unit;
  std::vector<uint8_t> units(static_cast<size_t>(end - begin));
  HOIST_RETURN_IF_ERROR(ReadStored(begin, absl::MakeSpan(units)));
  HOIST_RETURN_IF_ERROR(ByteSwap(absl::MakeSpan(units), storage_.swap_bytes));
  std::memcpy(out.data(), units.data() + (offset - begin), out.size());
  return absl::OkStatus();
}

absl::Status StorageBytes::Verify() const {
  if (!storage_.crc32) {
    return absl::OkStatus();
  }
  MutexLock lock(&verify_mutex_);
  if (verified_) {
    return *verified_;
  }
  std::vector<uint8_t> piece(static_cast<size_t>(
      std::min<uint64_t>(storage_.size_bytes, kPieceBytes)));
  uint32_t crc = 0;
  for (uint64_t at = 0; at < storage_.size_bytes; at += piece.size()) {
    piece.resize(static_cast<size_t>(
        std::min<uint64_t>(storage_.size_bytes - at, kPieceBytes)));
    HOIST_RETURN_IF_ERROR(ReadStored(at, absl::MakeSpan(piece)));
    crc = Crc32(piece, crc);
  }
  verified_ = crc == *storage_.crc32
                  ? absl::OkStatus()
                  : absl::DataLossError(absl::StrFormat(
                        "Checksum %08x of its bytes is not %08x, which the "
                        "file records",
                        crc, *storage_.crc32));
  return *verified_;
}

absl::Status StorageBytes::Read(uint64_t offset,
                                absl::Span<uint8_t> out) const {
  if (out.empty()) {
    return absl::OkStatus();
  }
  const auto end = CheckedAdd(offset, uint64_t{out.size()});
  absl::Status status;
  if (!end || *end > storage_.size_bytes) {
    status = absl::DataLossError(absl::StrCat("Wanted ", out.size(),
                                              " bytes from byte ", offset,
                                              " of ", storage_.size_bytes));
  } else {
    status = Verify();
    if (status.ok()) {
      status = ReadUnchecked(offset, out);
    }
  }
  return Annotate(status, absl::StrCat("Storage ", storage_.name));
}

}  // namespace hoist
