#ifndef HOIST_CHECKPOINT_FORMATS_SHARD_INDEX_SHARD_AGREEMENT_H_
#define HOIST_CHECKPOINT_FORMATS_SHARD_INDEX_SHARD_AGREEMENT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/formats/shard_index/shard_index.h"

namespace hoist {

// A file that has a part of a checkpoint's tensors.
struct Shard {
  std::string file;  // its name in the folder
  // Why it could not be read; ok if `catalog` is what is in it.
  absl::Status status;
  Catalog catalog;
};

// Where index, folder and shards do not agree.
struct ShardFinding {
  enum class Kind {
    kMissingShard,     // the index names a file that is not there
    kUnreadableShard,  // what is there cannot be read
    kMissingTensor,    // the index names a tensor that its shard has not
    kUnlistedTensor,   // a shard has a tensor that the index has not
    kRepeatedTensor,   // two shards have a tensor of the same name
    kMissingNumber,    // of "-00001-of-00003" one is not there
    kWrongNumber,      // "-00004-of-00003"
    kOtherFile,        // a checkpoint lies there that the index has not
    kTotalSize,        // the index counts other bytes than there are
  };
  Kind kind;
  // Nothing may be loaded; else it is worth a warning.
  bool is_error = false;
  std::string text;
  absl::StatusCode code = absl::StatusCode::kDataLoss;  // if it is an error
  std::string file;                  // that it is about; empty: the whole
  std::vector<std::string> tensors;  // all that it is about
};

// All that index and shards disagree about, errors first. `index` is null where
// there is none: `shards` are then all files of the folder that may be some.
// With it they are those that it names, in the order of Files(), and
// `other_files` what else in the folder looks like one. Thread-safe.
std::vector<ShardFinding> CompareShards(
    const ShardIndex* index, absl::Span<const Shard> shards,
    absl::Span<const std::string> other_files);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_SHARD_INDEX_SHARD_AGREEMENT_H_
