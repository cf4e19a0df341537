#ifndef HOIST_CHECKPOINT_SHARD_SHARD_SPEC_H_
#define HOIST_CHECKPOINT_SHARD_SHARD_SPEC_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "hoist/checkpoint/migrate/name_glob.h"

namespace hoist {

// How a dimension is divided that has no whole number of units for each.
enum class UnevenSplit {
  kRefuse,
  // As torch.chunk() and DTensor's Shard: all have the same, rounded up, but
  // for the last that have any, and those after it, which have none.
  kChunk,
  // Sizes differ by one unit at most, and the first ones have more.
  kBalanced,
};

// How a tensor is cut along one dimension. A part is numbered by the place that
// its rank has on an axis of the mesh.
struct ShardCut {
  enum class Kind {
    kReplicate,  // not at all
    kSplit,
    // The dimension holds `parts` equal ones, one behind the other, and each of
    // them is divided evenly: gate and up in one tensor.
    kFused,
    // The dimension holds queries, keys and values, one behind the other, of
    // heads, which are not cut. Queries and what they attend to come to the
    // same rank.
    kFusedQkv,
  };
  Kind kind = Kind::kReplicate;
  int64_t dim = 0;  // negative: counted from the last
  // kSplit. Equal units that the dimension consists of and that are not cut
  // (heads); 0: each place is one. Where they are fewer than the ranks, and
  // these a multiple of them, each goes to several ranks.
  int64_t units = 0;
  UnevenSplit uneven = UnevenSplit::kRefuse;
  int64_t parts = 0;  // kFused
  // kFusedQkv. Key and value heads may be fewer than the ranks, as units may.
  int64_t heads = 0;
  int64_t kv_heads = 0;
  // Whether a tensor without such a dimension is replicated, not refused.
  bool allows_missing_dim = false;
  std::string axis;
};

// Which ranks hold a tensor, by their places on an axis of the mesh.
struct ShardPlacement {
  enum class Kind {
    // The number of its layer is that which the first wildcard of its pattern
    // that starts with a number stands for; of its expert, the last such.
    kLayers,
    kExperts,
    kPlaces,
  };
  Kind kind = Kind::kPlaces;
  // Layers or experts, of which each place has as many as the others, or one
  // more; 0: as many as the checkpoint has. Not given where `ranges` are.
  int64_t count = 0;
  // By place: the first number, and the one behind the last.
  std::vector<std::pair<int64_t, int64_t>> ranges;
  std::vector<int64_t> places;  // kPlaces; negative: counted from the last
  std::string axis;
};

// What holds for tensors whose names one of the patterns means.
struct ShardRule {
  std::vector<NameGlob> names;
  std::optional<ShardPlacement> placement;
  std::optional<ShardCut> cut;
};

// How a checkpoint is divided among ranks. Names are those in the checkpoint.
// Of the rules that mean a tensor, the first that has a cut says how it is cut,
// and the first that has a placement who holds it; without, it is replicated,
// and all hold it. A value; thread-compatible.
struct ShardSpec {
  struct Axis {
    std::string name;
    int64_t size = 0;  // 0: what the others leave of the ranks
  };

  std::string name;  // of the preset or the file, for messages
  // A tensor that no rule means is an error.
  bool is_strict = false;
  // Ranks are numbered along the last axis first. Empty: one axis of all ranks,
  // which rules need not name.
  std::vector<Axis> mesh;
  std::vector<ShardRule> rules;
};

// Reads what shard_spec.schema.json describes. kInvalidArgument, with line and
// column ("7:12: "), for anything else. Thread-safe.
absl::StatusOr<ShardSpec> ParseShardSpec(absl::string_view json);

// Divides every tensor that has the dimension as torch.chunk() does, and
// replicates the others. Thread-safe.
ShardSpec SplitEveryTensor(int64_t dim);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_SHARD_SHARD_SPEC_H_
