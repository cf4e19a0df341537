#ifndef HOIST_CHECKPOINT_OPEN_SHARDS_FILES_H_
#define HOIST_CHECKPOINT_OPEN_SHARDS_FILES_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "hoist/checkpoint/formats/detect/folder_names.h"
#include "hoist/checkpoint/formats/shard_index/shard_agreement.h"
#include "hoist/checkpoint/formats/shard_index/shard_index.h"
#include "hoist/core/io/random_access_file.h"
#include "hoist/core/thread/thread_pool.h"

namespace hoist {

// Parts of finding the files of a checkpoint in several. All block but the
// first two, and are thread-safe.

// The path of what is called `name` in `folder`.
std::string PathIn(const std::string& folder, absl::string_view name);

// Whether a file of that name may have weights: ".safetensors", ".bin".
bool HasWeightsName(absl::string_view name);

// The index among `names` of `folder` to read, one of safetensors rather than
// one of others; empty if there is none. kInvalidArgument, with names, where
// several could be meant.
absl::StatusOr<std::string> ChooseIndex(const std::string& folder,
                                        const FolderNames& names);

// Errors of ParseShardIndex() and of reading, with the path.
absl::StatusOr<ShardIndex> ReadIndex(const std::string& path);

struct ReadShardsResult {
  std::vector<Shard> shards;
  // Those that were opened, parallel to `shards`; null for the others.
  std::vector<std::shared_ptr<const RandomAccessFile>> files;
};

// Reads the structure of these files in `folder`, several side by side if
// `pool` is not null. What cannot be read is in Shard::status.
ReadShardsResult ReadShards(const std::string& folder,
                            std::vector<std::string> names, ThreadPool* pool);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_OPEN_SHARDS_FILES_H_
