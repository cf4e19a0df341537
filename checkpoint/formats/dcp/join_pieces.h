#ifndef HOIST_CHECKPOINT_FORMATS_DCP_JOIN_PIECES_H_
#define HOIST_CHECKPOINT_FORMATS_DCP_JOIN_PIECES_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/formats/dcp/tensor_box.h"
#include "hoist/checkpoint/migrate/block_cache.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// A catalog of files that are open.
struct PiecedCheckpoint {
  Catalog catalog;
  // Parallel to catalog.files.
  std::vector<std::shared_ptr<const RandomAccessFile>> files;
};

// A piece of a tensor, as it was found in a file of the catalog.
struct FoundPiece {
  TensorBox box;
  StorageEntry storage;
  TensorSpec spec;  // its shape is the size of the box
  int64_t storage_offset = 0;
};

// The tensor `name` of `dtype` and `shape`, which `pieces` cover. A piece that
// is all of it is its storage. Of others each becomes a storage, which has the
// checksum; and the tensor's is one of a file that has the pieces read where
// they are (piece_file.h), with the pieces' checksums as one where they are
// whole rows. Blocks that pieces with other strides are read in go to `cache`.
// kDataLoss for pieces that do not fit; kUnimplemented for packed dtypes.
// Thread-compatible.
absl::StatusOr<TensorEntry> JoinPieces(const std::string& name, DType dtype,
                                       const std::vector<int64_t>& shape,
                                       std::vector<FoundPiece> pieces,
                                       const std::shared_ptr<BlockCache>& cache,
                                       PiecedCheckpoint& checkpoint);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_DCP_JOIN_PIECES_H_
