#ifndef HOIST_CHECKPOINT_FORMATS_DCP_NESTED_VALUES_H_
#define HOIST_CHECKPOINT_FORMATS_DCP_NESTED_VALUES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/value.h"

namespace hoist {

// A key of a dict, or a position in a list.
using PathStep = std::variant<std::string, int64_t>;

// Values by the paths that lead to them, put into dicts and lists again: what
// PyTorch's unflatten_state_dict() does. Thread-compatible.
class NestedValues {
 public:
  // `graph` must outlive it.
  explicit NestedValues(ValueGraph& graph) : graph_(graph) {}

  // Puts `value` where `path` leads, which has at least one step and begins
  // with a key; false, and nothing is changed, where something else is.
  bool Add(absl::Span<const PathStep> path, ValueId value);

  // The dict that all are in. Positions that no path leads to have None there;
  // kDataLoss where these are many more than the values.
  absl::StatusOr<ValueId> Finish();

 private:
  struct Node {
    std::optional<ValueId> value;
    bool is_list = false;
    // In the order they came in.
    std::vector<std::pair<PathStep, size_t>> children;
  };
  // The child of `node` at `step`, if there is one.
  std::optional<size_t> Find(size_t node, const PathStep& step) const;
  size_t AddChild(size_t node, const PathStep& step);

  ValueGraph& graph_;
  // Those inside of others come later.
  std::vector<Node> nodes_{1};
  absl::flat_hash_map<std::pair<size_t, PathStep>, size_t> by_step_;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_DCP_NESTED_VALUES_H_
