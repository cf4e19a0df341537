#include "hoist/checkpoint/shard/box_file.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/catalog/chunk_reader.h"
#include "hoist/core/io/read_ahead.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

// The most that is read at once where there are gaps in it.
constexpr uint64_t kMaxScratchBytes = uint64_t{1} << 20;
// What a disk is read by.
constexpr uint64_t kPageBytes = 4096;

uint64_t PageBytes(uint64_t begin, uint64_t end) {
  return ((end + kPageBytes - 1) / kPageBytes - begin / kPageBytes) *
         kPageBytes;
}

}  // namespace

// One read of the file: collects runs, and reads those together that lie close
// to each other. Or only has the system begin with that, if `is_ahead`: one
// after the other, short reads leave a disk waiting.
class BoxFile::Reader {
 public:
  Reader(const BoxFile& file, bool is_ahead)
      : file_(file), is_ahead_(is_ahead) {}

  // The `out.size()` bytes from `at` on of `box`.
  absl::Status Read(const Box& box, uint64_t at, absl::Span<uint8_t> out) {
    if (is_ahead_ && box.chunked != nullptr) {
      return absl::OkStatus();  // chunks are long
    }
    file_.served_bytes_ += is_ahead_ ? 0 : out.size();
    while (!out.empty()) {
      const BoxLayout::Run run = box.layout.RunAt(at);
      const size_t size =
          std::min<uint64_t>(run.size_bytes, uint64_t{out.size()});
      HOIST_RETURN_IF_ERROR(
          box.chunked != nullptr
              ? ReadChunked(*box.chunked, run.offset_bytes,
                            out.subspan(0, size))
              : Collect(box.storage_offset_bytes + run.offset_bytes,
                        out.subspan(0, size)));
      out.remove_prefix(size);
      at += size;
    }
    return absl::OkStatus();
  }

  void CountPadding(size_t size_bytes) {
    file_.padding_bytes_ += is_ahead_ ? 0 : size_bytes;
  }

  // Reads what is collected.
  absl::Status Flush() {
    if (pieces_.empty()) {
      return absl::OkStatus();
    }
    if (is_ahead_) {
      ReadAhead(*file_.file_, begin_, end_ - begin_);
      pieces_.clear();
      return absl::OkStatus();
    }
    file_.page_bytes_ += PageBytes(begin_, end_);
    file_.read_bytes_ += end_ - begin_;
    ++file_.read_count_;
    if (pieces_.size() == 1) {
      HOIST_RETURN_IF_ERROR(file_.file_->ReadAt(begin_, pieces_[0].out));
    } else {
      scratch_.resize(std::max<size_t>(scratch_.size(),
                                       static_cast<size_t>(end_ - begin_)));
      const absl::Span<uint8_t> bytes = absl::MakeSpan(scratch_).subspan(
          0, static_cast<size_t>(end_ - begin_));
      HOIST_RETURN_IF_ERROR(file_.file_->ReadAt(begin_, bytes));
      for (const Piece& piece : pieces_) {
        std::memcpy(piece.out.data(), bytes.data() + (piece.offset - begin_),
                    piece.out.size());
      }
    }
    pieces_.clear();
    return absl::OkStatus();
  }

 private:
  struct Piece {
    uint64_t offset = 0;
    absl::Span<uint8_t> out;
  };

  absl::Status Collect(uint64_t offset, absl::Span<uint8_t> out) {
    if (!pieces_.empty()) {
      Piece& last = pieces_.back();
      if (offset == end_ && last.out.data() + last.out.size() == out.data()) {
        last.out =
            absl::MakeSpan(last.out.data(), last.out.size() + out.size());
        end_ += out.size();
        return absl::OkStatus();
      }
      if (offset < end_ || offset - end_ > file_.max_gap_bytes_ ||
          offset + out.size() - begin_ > kMaxScratchBytes) {
        HOIST_RETURN_IF_ERROR(Flush());
      }
    }
    if (pieces_.empty()) {
      begin_ = offset;
    }
    pieces_.push_back({offset, out});
    end_ = offset + out.size();
    return absl::OkStatus();
  }

  absl::Status ReadChunked(const StorageEntry& storage, uint64_t offset,
                           absl::Span<uint8_t> out) {
    if (storage_ != &storage) {
      storage_ = &storage;
      chunks_.emplace(file_.verify_);
      next_chunk_ = 0;
    }
    const uint64_t chunk_bytes = storage.chunks.front().size_bytes;
    const uint64_t last = (offset + out.size() - 1) / chunk_bytes;
    for (uint64_t i = std::max(offset / chunk_bytes, next_chunk_); i <= last;
         ++i) {
      file_.read_bytes_ += storage.chunks[i].stored_bytes;
      file_.page_bytes_ += PageBytes(
          storage.chunks[i].offset_bytes,
          storage.chunks[i].offset_bytes + storage.chunks[i].stored_bytes);
      ++file_.read_count_;
    }
    next_chunk_ = std::max(next_chunk_, last + 1);
    return chunks_->Read(*file_.file_, storage, offset, out);
  }

  const BoxFile& file_;
  const bool is_ahead_;
  std::vector<Piece> pieces_;  // from begin_ to end_ of the file
  uint64_t begin_ = 0;
  uint64_t end_ = 0;
  std::vector<uint8_t> scratch_;
  const StorageEntry* storage_ = nullptr;
  std::optional<ChunkReader> chunks_;
  uint64_t next_chunk_ = 0;
};

BoxFile::BoxFile(std::shared_ptr<const RandomAccessFile> file,
                 uint64_t max_gap_bytes, bool verify)
    : file_(std::move(file)),
      max_gap_bytes_(max_gap_bytes),
      verify_(verify),
      name_(absl::StrCat(file_->path(), " (parts)")) {}

uint64_t BoxFile::AddBox(const StorageEntry& storage, BoxLayout layout) {
  Box box = {.begin_bytes = (size_bytes_ + kAlignmentBytes - 1) /
                            kAlignmentBytes * kAlignmentBytes,
             .layout = std::move(layout),
             .storage_offset_bytes = storage.offset_bytes};
  if (!storage.chunks.empty()) {
    box.chunked = std::make_unique<const StorageEntry>(storage);
  }
  size_bytes_ = box.begin_bytes + box.layout.size_bytes;
  boxes_.push_back(std::move(box));
  return boxes_.back().begin_bytes;
}

absl::Status BoxFile::ReadAt(uint64_t offset, absl::Span<uint8_t> out) const {
  return ReadScattered(offset, {&out, 1});
}

absl::Status BoxFile::ReadScattered(
    uint64_t offset, absl::Span<const absl::Span<uint8_t>> parts) const {
  if (file_->descriptor() >= 0) {
    Reader ahead(*this, /*is_ahead=*/true);
    HOIST_RETURN_IF_ERROR(ReadParts(offset, parts, ahead));
  }
  Reader reader(*this, /*is_ahead=*/false);
  return ReadParts(offset, parts, reader);
}

absl::Status BoxFile::ReadParts(uint64_t offset,
                                absl::Span<const absl::Span<uint8_t>> parts,
                                Reader& reader) const {
  for (absl::Span<uint8_t> out : parts) {
    if (offset > size_bytes_ || out.size() > size_bytes_ - offset) {
      return absl::DataLossError(
          absl::StrCat(name_, ": Wanted ", out.size(), " bytes from byte ",
                       offset, ", and ", size_bytes_, " are there"));
    }
    while (!out.empty()) {
      // The first box begins at 0.
      const auto next = std::upper_bound(
          boxes_.begin(), boxes_.end(), offset,
          [](uint64_t at, const Box& box) { return at < box.begin_bytes; });
      const Box& box = *(next - 1);
      const uint64_t end = box.begin_bytes + box.layout.size_bytes;
      size_t size = 0;
      if (offset < end) {
        size = std::min<uint64_t>(out.size(), end - offset);
        HOIST_RETURN_IF_ERROR(
            reader.Read(box, offset - box.begin_bytes, out.subspan(0, size)));
      } else {
        size = std::min<uint64_t>(out.size(), next->begin_bytes - offset);
        std::memset(out.data(), 0, size);
        reader.CountPadding(size);
      }
      out.remove_prefix(size);
      offset += size;
    }
  }
  return reader.Flush();
}

}  // namespace hoist
