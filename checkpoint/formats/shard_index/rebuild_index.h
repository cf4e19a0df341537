#ifndef HOIST_CHECKPOINT_FORMATS_SHARD_INDEX_REBUILD_INDEX_H_
#define HOIST_CHECKPOINT_FORMATS_SHARD_INDEX_REBUILD_INDEX_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/formats/shard_index/shard_agreement.h"
#include "hoist/checkpoint/formats/shard_index/shard_index.h"

namespace hoist {

// An index that says what shards have, and how it differs from an older one.
struct IndexRebuild {
  ShardIndex index;
  std::vector<std::string> changes;  // a sentence each; empty: none
};

// The index of `shards`, by their own headers: tensors in the order of their
// names, total_size and total_parameters counted, and what else the metadata of
// `old` has, which may be null. kFailedPrecondition, with what is wrong, where
// no index could be right: a tensor that is in two shards, numbers that are
// missing, no tensors at all; the error of a shard that could not be read.
// Thread-safe.
absl::StatusOr<IndexRebuild> RebuildIndex(const ShardIndex* old,
                                          absl::Span<const Shard> shards);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_SHARD_INDEX_REBUILD_INDEX_H_
