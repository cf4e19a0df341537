#include "hoist/checkpoint/formats/dcp/join_pieces.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/formats/dcp/piece_file.h"
#include "hoist/checkpoint/migrate/derived_file.h"
#include "hoist/core/hash/crc32.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

// Whether the elements lie one after the other in the file, as they are.
bool IsPlain(const FoundPiece& piece) {
  return !piece.storage.is_compressed() && piece.storage.swap_bytes == 1 &&
         IsContiguous(piece.spec);
}

absl::Status CheckPiece(const FoundPiece& piece, DType dtype,
                        const PiecedCheckpoint& checkpoint) {
  if (piece.spec.dtype != dtype || piece.spec.shape != piece.box.sizes) {
    return absl::DataLossError(absl::StrCat(
        "it is of ", DTypeName(piece.spec.dtype), " and of shape ",
        ShapeString(piece.spec.shape), ", and should be of ", DTypeName(dtype),
        " and of shape ", ShapeString(piece.box.sizes)));
  }
  const int64_t file_count = static_cast<int64_t>(checkpoint.files.size());
  if (piece.storage.file < 0 || piece.storage.file >= file_count) {
    return absl::InternalError("it is in a file that is not there");
  }
  HOIST_ASSIGN_OR_RETURN(
      const int64_t required,
      RequiredStorageBytes(piece.spec, piece.storage_offset));
  const uint64_t file_bytes =
      checkpoint.files[static_cast<size_t>(piece.storage.file)]->size_bytes();
  if (static_cast<uint64_t>(required) > piece.storage.size_bytes ||
      piece.storage.offset_bytes > file_bytes ||
      piece.storage.stored_bytes() > file_bytes - piece.storage.offset_bytes) {
    return absl::DataLossError(
        absl::StrCat("its ", required, " bytes are not inside the ",
                     piece.storage.size_bytes, " that it was saved with"));
  }
  return absl::OkStatus();
}

// The checksum of all, where pieces are runs of rows that follow each other.
std::optional<uint32_t> JoinChecksums(absl::Span<const FoundPiece> pieces,
                                      absl::Span<const int64_t> shape,
                                      uint64_t element_bytes) {
  std::vector<const FoundPiece*> in_order;
  for (const FoundPiece& piece : pieces) {
    if (!IsPlain(piece) || !piece.storage.crc32 || piece.storage_offset != 0) {
      return std::nullopt;
    }
    // All of each but for the first dimension, and of the storage.
    uint64_t bytes = element_bytes;
    for (size_t i = 0; i < shape.size(); ++i) {
      if (i > 0 && piece.box.sizes[i] != shape[i]) {
        return std::nullopt;
      }
      bytes *= static_cast<uint64_t>(piece.box.sizes[i]);
    }
    if (bytes != piece.storage.size_bytes) {
      return std::nullopt;
    }
    in_order.push_back(&piece);
  }
  if (shape.empty() || in_order.empty()) {
    return std::nullopt;
  }
  std::sort(in_order.begin(), in_order.end(),
            [](const FoundPiece* a, const FoundPiece* b) {
              return a->box.offsets[0] < b->box.offsets[0];
            });
  uint32_t crc = *in_order[0]->storage.crc32;
  for (size_t i = 1; i < in_order.size(); ++i) {
    crc = CombineCrc32(crc, *in_order[i]->storage.crc32,
                       in_order[i]->storage.size_bytes);
  }
  return crc;
}

absl::StatusOr<TensorPiece> PlacePiece(const std::string& name,
                                       const FoundPiece& piece,
                                       uint64_t element_bytes,
                                       const std::shared_ptr<BlockCache>& cache,
                                       const PiecedCheckpoint& checkpoint) {
  const auto& file = checkpoint.files[static_cast<size_t>(piece.storage.file)];
  if (IsPlain(piece)) {
    return TensorPiece{
        piece.box, file,
        piece.storage.offset_bytes +
            static_cast<uint64_t>(piece.storage_offset) * element_bytes};
  }
  DerivedTensor in_order{.dtype = piece.spec.dtype};
  in_order.parts.push_back(
      {std::make_shared<const StorageBytes>(file, piece.storage), piece.spec,
       piece.storage_offset});
  HOIST_ASSIGN_OR_RETURN(auto derived,
                         DerivedFile::Create(name, in_order, cache));
  return TensorPiece{piece.box, std::move(derived), 0};
}

}  // namespace

absl::StatusOr<TensorEntry> JoinPieces(const std::string& name, DType dtype,
                                       const std::vector<int64_t>& shape,
                                       std::vector<FoundPiece> pieces,
                                       const std::shared_ptr<BlockCache>& cache,
                                       PiecedCheckpoint& checkpoint) {
  if (DTypeBits(dtype) % 8 != 0) {
    return absl::UnimplementedError(
        absl::StrCat("Elements of ", DTypeName(dtype),
                     " are packed, and cannot be in pieces"));
  }
  Catalog& catalog = checkpoint.catalog;
  constexpr size_t kMax = std::numeric_limits<int>::max();
  if (pieces.size() >= kMax - catalog.storages.size() ||
      catalog.files.size() >= kMax) {
    return absl::DataLossError("More pieces than can be counted");
  }
  for (const FoundPiece& piece : pieces) {
    if (absl::Status status = CheckPiece(piece, dtype, checkpoint);
        !status.ok()) {
      return Annotate(status, absl::StrCat("piece ", BoxText(piece.box)));
    }
  }
  if (pieces.size() == 1 && pieces[0].spec.shape == shape) {
    FoundPiece& piece = pieces[0];
    catalog.storages.push_back(std::move(piece.storage));
    return TensorEntry{.name = name,
                       .spec = std::move(piece.spec),
                       .storage = static_cast<int>(catalog.storages.size()) - 1,
                       .storage_offset = piece.storage_offset};
  }
  const auto element_bytes = static_cast<uint64_t>(DTypeBits(dtype) / 8);
  std::vector<TensorPiece> placed;
  placed.reserve(pieces.size());
  for (const FoundPiece& piece : pieces) {
    HOIST_ASSIGN_OR_RETURN(
        placed.emplace_back(),
        PlacePiece(name, piece, element_bytes, cache, checkpoint));
  }
  HOIST_ASSIGN_OR_RETURN(
      const auto file,
      PieceFile::Create(name, static_cast<int64_t>(element_bytes), shape,
                        std::move(placed)));
  StorageEntry whole{
      .file = static_cast<int>(catalog.files.size()),
      .size_bytes = file->size_bytes(),
      .crc32 = JoinChecksums(pieces, shape, element_bytes),
      .name = absl::StrCat(name, " in ", pieces.size(), " pieces")};
  for (FoundPiece& piece : pieces) {
    piece.storage.name = absl::StrCat(name, BoxText(piece.box));
    catalog.storages.push_back(std::move(piece.storage));
  }
  catalog.files.push_back(
      {.path = name, .size_bytes = file->size_bytes(), .content = file});
  checkpoint.files.push_back(file);
  catalog.storages.push_back(std::move(whole));
  HOIST_ASSIGN_OR_RETURN(TensorSpec spec, ContiguousSpec(dtype, shape));
  return TensorEntry{.name = name,
                     .spec = std::move(spec),
                     .storage = static_cast<int>(catalog.storages.size()) - 1};
}

}  // namespace hoist
