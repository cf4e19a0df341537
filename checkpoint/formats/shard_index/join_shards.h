#ifndef HOIST_CHECKPOINT_FORMATS_SHARD_INDEX_JOIN_SHARDS_H_
#define HOIST_CHECKPOINT_FORMATS_SHARD_INDEX_JOIN_SHARDS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/formats/shard_index/shard_agreement.h"

namespace hoist {

// One catalog of the tensors of all `shards`, which have been read, and whose
// tensors have different names: files, storages and tensors one shard after the
// other, and as values a dict of the tensors. Its files are those of the
// shards' catalogs, in that order. What else shards have is left out, with a
// warning. kDataLoss for more files or storages than can be counted.
// Thread-safe.
absl::StatusOr<Catalog> JoinShards(std::vector<Shard> shards);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_SHARD_INDEX_JOIN_SHARDS_H_
