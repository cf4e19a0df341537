#ifndef HOIST_CHECKPOINT_SHARD_RANK_OPTIONS_H_
#define HOIST_CHECKPOINT_SHARD_RANK_OPTIONS_H_

#include <cstdint>

#include "hoist/checkpoint/shard/shard_spec.h"

namespace hoist {

// Which rank's part of a checkpoint is meant.
struct RankOptions {
  // Gaps of so many bytes between runs of a part are read along: a read of its
  // own would take longer, and a disk reads whole pages anyway.
  static constexpr uint64_t kDefaultMaxGapBytes = 4096;

  ShardSpec spec;
  int rank = 0;
  int world_size = 1;
  uint64_t max_gap_bytes = kDefaultMaxGapBytes;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_SHARD_RANK_OPTIONS_H_
