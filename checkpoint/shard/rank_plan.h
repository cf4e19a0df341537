#ifndef HOIST_CHECKPOINT_SHARD_RANK_PLAN_H_
#define HOIST_CHECKPOINT_SHARD_RANK_PLAN_H_

#include <cstdint>
#include <vector>

#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/shard/shard_layout.h"

namespace hoist {

// What a rank would load, tensor by tensor.
struct RankPlan {
  int64_t tensor_count = 0;  // that it holds
  int64_t part_count = 0;    // of them, those that it has a part of
  uint64_t needed_bytes = 0;
  // Of files: with the gaps between runs of a part, compressed, and by whole
  // chunks. A tensor in pieces (checkpoint/formats/dcp) counts as a file of its
  // elements; where a piece lies in another order than they do, reading it
  // takes up to all of the piece.
  uint64_t read_bytes = 0;
  // Of the host, or of the device: bytes of tensors, and of what comes with
  // them of a storage that can only be read whole.
  uint64_t memory_bytes = 0;
  // Reads of up to 2 MiB. Where tensors lie close to each other, a load makes
  // fewer of them, which read up to 64 KiB of what is between two.
  uint64_t request_count = 0;

  friend bool operator==(const RankPlan&, const RankPlan&) = default;
};

// The plan of each rank of `layout`, which was made of `catalog`. Takes time in
// proportion to the tensors and, apart from them, to the ranks, but for those
// of storages in chunks, where it is their product. The same view in several
// tensors counts once, and views that share bytes else count each. Thread-safe.
std::vector<RankPlan> PlanRanks(const Catalog& catalog,
                                const ShardLayout& layout,
                                uint64_t max_gap_bytes, bool verify);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_SHARD_RANK_PLAN_H_
