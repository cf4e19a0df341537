#ifndef HOIST_CHECKPOINT_OPEN_SHARDS_H_
#define HOIST_CHECKPOINT_OPEN_SHARDS_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/formats/shard_index/shard_agreement.h"
#include "hoist/checkpoint/formats/shard_index/shard_index.h"
#include "hoist/core/io/random_access_file.h"
#include "hoist/core/thread/thread_pool.h"

namespace hoist {

// The files of a checkpoint in several, found and read.
struct ShardSet {
  std::optional<ShardIndex> index;
  std::string index_file;  // its name in the folder; empty if there is none
  std::vector<Shard> shards;
  // Those that were opened, parallel to `shards`; null for the others.
  std::vector<std::shared_ptr<const RandomAccessFile>> files;
  std::vector<ShardFinding> findings;  // of CompareShards()
};

// Reads the structure of the checkpoint in several files that lies in the
// directory `folder`: of those that `index_file` names; of those that the only
// index in it names, one of safetensors rather than one of others; or, without
// an index, of the files that their names number ("-00001-of-00003"), or the
// only safetensors file. nullopt where there is no such thing. Links are
// followed, as caches consist of them. What does not agree is in
// ShardSet::findings. Errors are those of reading the index; kInvalidArgument,
// with names, where several indexes could be meant. Shards are read by `pool`
// and the caller's thread side by side, if it is not null. Blocks. Thread-safe.
absl::StatusOr<std::optional<ShardSet>> FindShards(
    const std::string& folder, const std::string& index_file = "",
    ThreadPool* pool = nullptr);

// The same of a path that is a directory, or an index in one; nullopt also for
// all else.
absl::StatusOr<std::optional<ShardSet>> FindShardsAt(
    const std::string& path, ThreadPool* pool = nullptr);

// The catalog of all shards, and its files. If there is a finding that is an
// error, that, and how many more there are: nothing is to be loaded then. Other
// findings become warnings.
struct JoinedShards {
  Catalog catalog;
  std::vector<std::shared_ptr<const RandomAccessFile>> files;
};
absl::StatusOr<JoinedShards> Join(ShardSet set);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_OPEN_SHARDS_H_
