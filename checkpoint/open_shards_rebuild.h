#ifndef HOIST_CHECKPOINT_OPEN_SHARDS_REBUILD_H_
#define HOIST_CHECKPOINT_OPEN_SHARDS_REBUILD_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "hoist/checkpoint/formats/shard_index/rebuild_index.h"
#include "hoist/core/io/file_system.h"
#include "hoist/core/thread/thread_pool.h"

namespace hoist {

// An index that is to be written.
struct PlannedIndex {
  std::string path;
  std::vector<std::string> files;    // its shards, by their names
  std::vector<std::string> ignored;  // files beside them that look like some
  IndexRebuild rebuild;
};

// What the index of the checkpoint in several files that lies in the directory
// `path` is to say; `path` may be the index, where there are several. Its
// shards are the complete set that names number ("-00001-of-00003"), of
// safetensors rather than of others; where none are numbered, all safetensors files.
// The old index is read for its metadata alone. Reads headers, and changes
// nothing.
//
// kFailedPrecondition, with what is wrong, where it cannot be told what is
// right: several complete sets, or none; a tensor in two shards; an index that
// is a link, as in a cache. kInvalidArgument where nothing looks like shards;
// errors of the shards. Blocks. Thread-safe.
absl::StatusOr<PlannedIndex> PlanIndexRebuild(const std::string& path,
                                              ThreadPool* pool = nullptr);

// Puts it in its place, whole or not at all. Errors as of AtomicFile.
absl::Status WriteIndex(const PlannedIndex& planned, FileSystem& file_system);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_OPEN_SHARDS_REBUILD_H_
