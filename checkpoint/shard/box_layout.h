#ifndef HOIST_CHECKPOINT_SHARD_BOX_LAYOUT_H_
#define HOIST_CHECKPOINT_SHARD_BOX_LAYOUT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/functional/function_ref.h"
#include "hoist/checkpoint/shard/shard_layout.h"
#include "hoist/core/tensor/tensor_spec.h"

namespace hoist {

// Where the elements of a part of a tensor lie in its storage: runs of bytes,
// in the order of the storage. A value; thread-safe.
struct BoxLayout {
  struct Run {
    uint64_t offset_bytes = 0;  // in the storage
    uint64_t size_bytes = 0;
  };
  // Of a dimension that the runs are repeated along.
  struct Level {
    uint64_t stride_bytes = 0;
    IndexRanges ranges;
    int64_t count = 0;  // of places in all ranges
  };
  std::vector<Level> levels;  // the largest stride first
  absl::InlinedVector<Run, 3> runs;
  uint64_t runs_bytes = 0;  // of all `runs`
  uint64_t size_bytes = 0;  // of the part
  // The part when its elements lie one behind the other in that order: what is
  // transposed stays so.
  TensorSpec spec;

  bool is_contiguous() const { return levels.empty() && runs.size() == 1; }

  // The run in which byte `at` of the part lies, from there to its end.
  Run RunAt(uint64_t at) const;
};

// `ranges`, which go up, of dimension `dim` of a tensor that lies inside its
// storage; none of them is empty. nullopt for a part without elements, and
// where the order of the storage is none of its dimensions', as elements are
// repeated or strides overlap; and for packed elements.
std::optional<BoxLayout> MakeBoxLayout(const TensorSpec& spec,
                                       int64_t storage_offset, size_t dim,
                                       const IndexRanges& ranges);

// What it takes to read it where gaps of up to `max_gap_bytes` between runs are
// read along.
struct BoxCost {
  uint64_t read_bytes = 0;
  uint64_t read_count = 0;
};
BoxCost CostOf(const BoxLayout& layout, uint64_t max_gap_bytes);

// Calls `visit` with bytes [begin, end) of the storage, in its order, which
// have all runs and between them only gaps of up to `max_gap_bytes`. Takes time
// for the gaps that are longer, however many runs there are.
void ForEachExtent(const BoxLayout& layout, uint64_t max_gap_bytes,
                   absl::FunctionRef<void(uint64_t begin, uint64_t end)> visit);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_SHARD_BOX_LAYOUT_H_
