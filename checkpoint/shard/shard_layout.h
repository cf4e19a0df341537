#ifndef HOIST_CHECKPOINT_SHARD_SHARD_LAYOUT_H_
#define HOIST_CHECKPOINT_SHARD_SHARD_LAYOUT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/shard/shard_spec.h"

namespace hoist {

// Places along a dimension, one after the other.
struct IndexRange {
  int64_t first = 0;
  int64_t count = 0;

  friend bool operator==(const IndexRange&, const IndexRange&) = default;
};
using IndexRanges = absl::InlinedVector<IndexRange, 3>;

// A shard spec that was held against the tensors of a checkpoint: who holds
// which part of which, by arithmetic. Takes a few words for each tensor, and
// nothing for a rank. Thread-safe, once made.
class ShardLayout {
 public:
  // How one tensor is divided. Its part has the number of its rank's place on
  // an axis.
  struct Division {
    enum class Kind : uint8_t { kWhole, kSplit, kFused, kFusedQkv };
    Kind kind = Kind::kWhole;
    UnevenSplit uneven = UnevenSplit::kRefuse;
    uint8_t axis = 0;
    uint8_t holding_axis = 0;
    // Whether several ranks may have the same unit.
    bool may_share = false;
    uint32_t dim = 0;
    // Which place on the holding axis holds it: kAll, or kListed.
    int32_t holder = kAll;
    int32_t rule = -1;  // which lists the holders
    // Of kSplit, units and how many places each has; of kFused, parts; of
    // kFusedQkv, heads, those of keys, and the places that each has.
    int64_t units = 0;
    int64_t kv_units = 0;
    int64_t unit_size = 1;
  };
  static constexpr int32_t kAll = -1;
  static constexpr int32_t kListed = -2;
  static constexpr int kMaxWorldSize = 1 << 20;

  // kInvalidArgument, with the tensor, for one that cannot be divided as the
  // spec says, or that no rule of a strict one means; for a mesh that does not
  // fit the number of ranks; kNotFound if no rule means any tensor;
  // kUnimplemented for a cut of packed elements.
  static absl::StatusOr<ShardLayout> Create(const Catalog& catalog,
                                            const ShardSpec& spec,
                                            int world_size);

  int world_size() const { return world_size_; }
  size_t size() const { return divisions_.size(); }  // of tensors
  const Division& division(size_t tensor) const { return divisions_[tensor]; }

  bool Holds(size_t tensor, int rank) const {
    return IsHolder(divisions_[tensor], rank);
  }
  // The part of a tensor, which is not whole, that `rank` has: places along
  // its dimension, in the order in which they follow in the part. None of no
  // places, but where all of them are.
  IndexRanges PartOf(size_t tensor, int rank) const {
    return PartAt(tensor, PlaceOf(divisions_[tensor].axis, rank));
  }

  // What PartOf() says of rank `rank`, by its place on the tensor's axis.
  IndexRanges PartAt(size_t tensor, int64_t place) const;
  int64_t PlaceOf(uint8_t axis, int rank) const {
    return rank / axes_[axis].stride % axes_[axis].size;
  }
  int64_t AxisSize(uint8_t axis) const { return axes_[axis].size; }
  // Whether a tensor of that division is held by it.
  bool IsHolder(const Division& division, int rank) const;

  // Texts of the patterns of rules that mean no tensor.
  const std::vector<std::string>& unused_rules() const { return unused_; }
  // How many tensors no rule means.
  int64_t unmeant_count() const { return unmeant_count_; }

 private:
  struct Axis {
    std::string name;
    int64_t size = 1;
    int64_t stride = 1;  // of ranks
  };

  absl::Status SetMesh(const ShardSpec& spec);
  uint8_t AxisNamed(absl::string_view name) const;
  absl::Status Place(const std::vector<int64_t>& numbers,
                     const std::vector<int32_t>& rules, const ShardSpec& spec,
                     const Catalog& catalog);
  absl::Status Cut(const TensorEntry& tensor, const ShardCut& cut,
                   Division& division) const;

  int world_size_ = 1;
  std::vector<Axis> axes_;
  std::vector<Division> divisions_;
  std::vector<std::vector<int64_t>> listed_places_;  // by rule
  std::vector<std::string> unused_;
  int64_t unmeant_count_ = 0;
};

// Of `units`, those of part `part` of `parts`, as `uneven` says; where they
// divide evenly, all say the same. Thread-safe.
IndexRange DivideUnits(int64_t units, int64_t parts, int64_t part,
                       UnevenSplit uneven);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_SHARD_SHARD_LAYOUT_H_
