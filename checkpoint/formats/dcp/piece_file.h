#ifndef HOIST_CHECKPOINT_FORMATS_DCP_PIECE_FILE_H_
#define HOIST_CHECKPOINT_FORMATS_DCP_PIECE_FILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/formats/dcp/tensor_box.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// A part of a tensor whose elements lie one after the other (row-major) in a
// file.
struct TensorPiece {
  TensorBox box;
  std::shared_ptr<const RandomAccessFile> file;
  uint64_t offset_bytes = 0;  // of its first element
};

// The elements of a tensor that lies in pieces, one after the other, as a file
// that is nowhere: whoever reads bytes of it has them read where they are, into
// their place. No byte is read that is not asked for, and of each piece at once
// what is; only rows that are very short go through a buffer, which is small.
// Finding the pieces of a range takes time for the logarithm of their number,
// where they are cut along few dimensions. Thread-safe.
class PieceFile : public RandomAccessFile {
 public:
  // `pieces` cover `shape`: kDataLoss as of CheckBoxesCover() if not, and for a
  // piece that is not inside its file. `name` is the tensor's, for messages; an
  // element has `element_bytes`, at least 1.
  static absl::StatusOr<std::shared_ptr<const PieceFile>> Create(
      std::string name, int64_t element_bytes, std::vector<int64_t> shape,
      std::vector<TensorPiece> pieces);

  const std::string& path() const override { return name_; }
  uint64_t size_bytes() const override { return size_bytes_; }
  absl::Status ReadAt(uint64_t offset, absl::Span<uint8_t> out) const override;
  // Whether all files of the pieces are what they were.
  absl::Status CheckUnchanged() const override;

  // How many pieces have elements.
  size_t piece_count() const { return pieces_.size(); }

 private:
  // A piece as rows, each of which is one run of bytes of the tensor.
  struct Piece {
    uint64_t begin_bytes = 0;  // of its first row, in the tensor
    uint64_t end_bytes = 0;    // of its last
    uint64_t row_bytes = 0;
    uint64_t row_count = 1;
    // Rows in each dimension that they are counted in, the last one first, and
    // how far apart they are in the tensor.
    struct Dimension {
      uint64_t count = 0;
      uint64_t stride_bytes = 0;
    };
    std::vector<Dimension> dimensions;
    const RandomAccessFile* file = nullptr;
    uint64_t offset_bytes = 0;

    // Where row `row` begins in the tensor.
    uint64_t RowBegin(uint64_t row) const;
    // The first row that ends behind byte `offset` of the tensor.
    uint64_t FirstRowBehind(uint64_t offset) const;
  };

  PieceFile() = default;

  static Piece MakePiece(const TensorPiece& piece,
                         absl::Span<const int64_t> shape,
                         uint64_t element_bytes);
  // Fills what of `out`, the tensor's bytes from `offset` on, is the piece's.
  absl::Status ReadPiece(const Piece& piece, uint64_t offset,
                         absl::Span<uint8_t> out) const;

  std::string name_;
  uint64_t size_bytes_ = 0;
  std::vector<Piece> pieces_;  // by begin_bytes
  // The largest end_bytes of a piece and of those before it.
  std::vector<uint64_t> ends_;
  std::vector<std::shared_ptr<const RandomAccessFile>> files_;  // each once
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_DCP_PIECE_FILE_H_
