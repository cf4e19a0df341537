#ifndef HOIST_CHECKPOINT_SHARD_RANK_SLICES_H_
#define HOIST_CHECKPOINT_SHARD_RANK_SLICES_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/shard/box_file.h"
#include "hoist/checkpoint/shard/rank_options.h"
#include "hoist/checkpoint/shard/rank_report.h"
#include "hoist/checkpoint/shard/shard_layout.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

struct SliceOptions {
  // As RankOptions has it.
  uint64_t max_gap_bytes = RankOptions::kDefaultMaxGapBytes;
  // Whether storages in chunks are to be read by whole chunks, so that they can
  // be held against their checksums.
  bool verify = true;
};

// What one rank has of a checkpoint.
struct RankSlices {
  // Tensors that the rank holds, under their names and in their order, and an
  // empty dict for all else. Files keep their indices; those of parts that do
  // not lie together follow. Storages are others.
  Catalog catalog;
  std::vector<std::shared_ptr<const RandomAccessFile>> files;
  // Those of `files` that are such.
  std::vector<std::shared_ptr<const BoxFile>> box_files;
  // Whether every byte is held against some checksum when it is read.
  bool is_all_checked = false;
  // Of it, `read_bytes` is not known yet.
  RankReport report;
};

// The slices of `rank` of a catalog that ValidateCatalog() accepts and that
// `layout` was made of; reads no payload. A part whose bytes lie together is a
// view of those alone; one whose bytes do not is one of a BoxFile, and compact
// in memory. Views that are tied stay so: where one has bytes that another has
// too, or is the same part of it. A deflated storage is read whole, as it can
// only be, and so is in memory where a part of it lies together. Parts have no
// checksums, but for those of chunks. kInvalidArgument for a rank that is none;
// kUnimplemented for a part that cannot be made of what it is in.
absl::StatusOr<RankSlices> SliceForRank(const Catalog& catalog,
                                        CatalogFiles files,
                                        const ShardLayout& layout, int rank,
                                        const SliceOptions& options = {});

// The same of a spec, of which notes are made; errors also as of
// ShardLayout::Create().
absl::StatusOr<RankSlices> SliceForRank(const Catalog& catalog,
                                        CatalogFiles files,
                                        const RankOptions& options,
                                        bool verify);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_SHARD_RANK_SLICES_H_
