#include "hoist/checkpoint/formats/dcp/piece_file.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "hoist/core/base/checked_math.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/tensor_spec.h"

namespace hoist {
namespace {

// Shorter rows are read together into a buffer: to say where each goes would
// cost more than to copy it.
constexpr uint64_t kMinScatteredBytes = 512;
constexpr uint64_t kBufferBytes = uint64_t{64} << 10;
// Places that one read goes to.
constexpr size_t kMaxParts = 1024;

absl::Status ReadThroughBuffer(const RandomAccessFile& file, uint64_t offset,
                               absl::Span<const absl::Span<uint8_t>> parts,
                               uint64_t size_bytes) {
  std::vector<uint8_t> buffer(static_cast<size_t>(size_bytes));
  HOIST_RETURN_IF_ERROR(file.ReadAt(offset, absl::MakeSpan(buffer)));
  const uint8_t* from = buffer.data();
  for (const absl::Span<uint8_t> part : parts) {
    std::memcpy(part.data(), from, part.size());
    from += part.size();
  }
  return absl::OkStatus();
}

}  // namespace

uint64_t PieceFile::Piece::RowBegin(uint64_t row) const {
  uint64_t begin = begin_bytes;
  for (const Dimension& dimension : dimensions) {
    begin += row % dimension.count * dimension.stride_bytes;
    row /= dimension.count;
  }
  return begin;
}

uint64_t PieceFile::Piece::FirstRowBehind(uint64_t offset) const {
  uint64_t first = 0;
  uint64_t last = row_count;
  while (first < last) {
    const uint64_t middle = first + (last - first) / 2;
    if (RowBegin(middle) + row_bytes > offset) {
      last = middle;
    } else {
      first = middle + 1;
    }
  }
  return first;
}

PieceFile::Piece PieceFile::MakePiece(const TensorPiece& piece,
                                      absl::Span<const int64_t> shape,
                                      uint64_t element_bytes) {
  // Sizes are those of parts of a tensor that can be counted in 63 bits.
  Piece made{.row_bytes = element_bytes,
             .file = piece.file.get(),
             .offset_bytes = piece.offset_bytes};
  uint64_t stride_bytes = element_bytes;
  bool is_in_row = true;
  for (size_t i = shape.size(); i-- > 0;) {
    const auto size = static_cast<uint64_t>(piece.box.sizes[i]);
    made.begin_bytes +=
        static_cast<uint64_t>(piece.box.offsets[i]) * stride_bytes;
    if (is_in_row) {
      made.row_bytes *= size;
    } else if (size > 1) {
      made.dimensions.push_back({size, stride_bytes});
      made.row_count *= size;
    }
    // A row goes on only as long as it is all there is.
    is_in_row = is_in_row && piece.box.sizes[i] == shape[i];
    stride_bytes *= static_cast<uint64_t>(shape[i]);
  }
  made.end_bytes = made.RowBegin(made.row_count - 1) + made.row_bytes;
  return made;
}

absl::StatusOr<std::shared_ptr<const PieceFile>> PieceFile::Create(
    std::string name, int64_t element_bytes, std::vector<int64_t> shape,
    std::vector<TensorPiece> pieces) {
  HOIST_ASSIGN_OR_RETURN(const int64_t count, ElementCount(shape));
  const auto size_bytes = CheckedMul(count, element_bytes);
  if (!size_bytes) {
    return absl::DataLossError(
        absl::StrCat("Shape ", ShapeString(shape), " is too large"));
  }
  std::vector<TensorBox> boxes;
  boxes.reserve(pieces.size());
  for (const TensorPiece& piece : pieces) {
    boxes.push_back(piece.box);
  }
  HOIST_RETURN_IF_ERROR(CheckBoxesCover(boxes, shape));
  std::shared_ptr<PieceFile> file(new PieceFile());
  file->name_ = std::move(name);
  file->size_bytes_ = static_cast<uint64_t>(*size_bytes);
  for (TensorPiece& piece : pieces) {
    if (IsEmpty(piece.box)) {
      continue;
    }
    Piece made = MakePiece(piece, shape, static_cast<uint64_t>(element_bytes));
    const uint64_t piece_bytes = made.row_bytes * made.row_count;
    const uint64_t file_bytes = made.file->size_bytes();
    if (made.offset_bytes > file_bytes ||
        piece_bytes > file_bytes - made.offset_bytes) {
      return absl::DataLossError(absl::StrCat(
          "piece ", BoxText(piece.box), ", ", piece_bytes, " bytes from byte ",
          made.offset_bytes, " on, is not inside the file's ", file_bytes));
    }
    file->pieces_.push_back(std::move(made));
    file->files_.push_back(std::move(piece.file));
  }
  std::sort(file->files_.begin(), file->files_.end());
  file->files_.erase(std::unique(file->files_.begin(), file->files_.end()),
                     file->files_.end());
  std::sort(file->pieces_.begin(), file->pieces_.end(),
            [](const Piece& a, const Piece& b) {
              return a.begin_bytes < b.begin_bytes;
            });
  uint64_t end_bytes = 0;
  for (const Piece& piece : file->pieces_) {
    end_bytes = std::max(end_bytes, piece.end_bytes);
    file->ends_.push_back(end_bytes);
  }
  return file;
}

absl::Status PieceFile::ReadPiece(const Piece& piece, uint64_t offset,
                                  absl::Span<uint8_t> out) const {
  const uint64_t end = offset + out.size();
  const bool is_scattered = piece.row_bytes >= kMinScatteredBytes;
  std::vector<absl::Span<uint8_t>> parts;
  for (uint64_t row = piece.FirstRowBehind(offset); row < piece.row_count;) {
    // Rows that follow each other in the tensor do so in the piece's file.
    parts.clear();
    uint64_t from = 0;
    uint64_t part_bytes = 0;
    for (; row < piece.row_count && parts.size() < kMaxParts &&
           (is_scattered || part_bytes < kBufferBytes);
         ++row) {
      const uint64_t row_begin = piece.RowBegin(row);
      if (row_begin >= end) {
        break;
      }
      const uint64_t begin = std::max(row_begin, offset);
      const uint64_t part_end = std::min(row_begin + piece.row_bytes, end);
      if (parts.empty()) {
        from = piece.offset_bytes + row * piece.row_bytes + (begin - row_begin);
      }
      parts.push_back(out.subspan(static_cast<size_t>(begin - offset),
                                  static_cast<size_t>(part_end - begin)));
      part_bytes += part_end - begin;
    }
    if (parts.empty()) {
      break;
    }
    HOIST_RETURN_IF_ERROR(
        is_scattered || parts.size() == 1
            ? piece.file->ReadScattered(from, parts)
            : ReadThroughBuffer(*piece.file, from, parts, part_bytes));
  }
  return absl::OkStatus();
}

absl::Status PieceFile::ReadAt(uint64_t offset, absl::Span<uint8_t> out) const {
  if (offset > size_bytes_ || out.size() > size_bytes_ - offset) {
    return absl::DataLossError(
        absl::StrCat(name_, ": Wanted ", out.size(), " bytes from byte ",
                     offset, ", and ", size_bytes_, " are there"));
  }
  if (out.empty()) {
    return absl::OkStatus();
  }
  const uint64_t end = offset + out.size();
  // Pieces before it end too early, and those from `last` on begin too late.
  const auto first = static_cast<size_t>(
      std::upper_bound(ends_.begin(), ends_.end(), offset) - ends_.begin());
  const auto last = static_cast<size_t>(
      std::lower_bound(pieces_.begin(), pieces_.end(), end,
                       [](const Piece& piece, uint64_t byte) {
                         return piece.begin_bytes < byte;
                       }) -
      pieces_.begin());
  for (size_t i = first; i < last; ++i) {
    if (pieces_[i].end_bytes <= offset) {
      continue;
    }
    if (absl::Status status = ReadPiece(pieces_[i], offset, out);
        !status.ok()) {
      return Annotate(status, name_);
    }
  }
  return absl::OkStatus();
}

absl::Status PieceFile::CheckUnchanged() const {
  for (const auto& file : files_) {
    HOIST_RETURN_IF_ERROR(file->CheckUnchanged());
  }
  return absl::OkStatus();
}

}  // namespace hoist
