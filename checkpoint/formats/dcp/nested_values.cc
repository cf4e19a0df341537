#include "hoist/checkpoint/formats/dcp/nested_values.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace hoist {
namespace {

// Positions of lists that may be empty besides those of values.
constexpr int64_t kMaxGaps = int64_t{1} << 16;

bool IsPosition(const PathStep& step) {
  return std::holds_alternative<int64_t>(step);
}

}  // namespace

std::optional<size_t> NestedValues::Find(size_t node,
                                         const PathStep& step) const {
  const auto found = by_step_.find({node, step});
  return found == by_step_.end() ? std::nullopt
                                 : std::optional<size_t>(found->second);
}

size_t NestedValues::AddChild(size_t node, const PathStep& step) {
  const size_t child = nodes_.size();
  nodes_.emplace_back();
  nodes_[node].children.emplace_back(step, child);
  by_step_.emplace(std::pair(node, step), child);
  return child;
}

bool NestedValues::Add(absl::Span<const PathStep> path, ValueId value) {
  // Nothing stands in the way behind the first step that is not there yet.
  size_t node = 0;
  size_t known = 0;
  for (; known < path.size(); ++known) {
    if (nodes_[node].value || nodes_[node].is_list != IsPosition(path[known])) {
      return false;
    }
    const std::optional<size_t> child = Find(node, path[known]);
    if (!child) {
      break;
    }
    node = *child;
  }
  if (known == path.size()) {
    return false;
  }
  for (; known < path.size(); ++known) {
    node = AddChild(node, path[known]);
    nodes_[node].is_list =
        known + 1 < path.size() && IsPosition(path[known + 1]);
  }
  nodes_[node].value = value;
  return true;
}

absl::StatusOr<ValueId> NestedValues::Finish() {
  int64_t left_gaps = kMaxGaps + static_cast<int64_t>(nodes_.size());
  for (size_t i = nodes_.size(); i-- > 0;) {
    Node& node = nodes_[i];
    if (node.value) {
      continue;
    }
    std::vector<ValueId> items;
    if (node.is_list) {
      int64_t last = 0;
      for (const auto& [step, child] : node.children) {
        last = std::max(last, std::get<int64_t>(step));
      }
      if (last >= left_gaps) {
        return absl::DataLossError(absl::StrCat(
            "A list has a value at position ", last,
            ", and there are no values for most positions before it"));
      }
      left_gaps -= last;
      items.resize(static_cast<size_t>(last) + 1, ValueGraph::kNoneId);
      for (const auto& [step, child] : node.children) {
        items[static_cast<size_t>(std::get<int64_t>(step))] =
            *nodes_[child].value;
      }
    } else {
      for (const auto& [step, child] : node.children) {
        items.push_back(graph_.AddString(std::get<std::string>(step)));
        items.push_back(*nodes_[child].value);
      }
    }
    node.value = graph_.AddItems(
        node.is_list ? ValueKind::kList : ValueKind::kDict, items);
  }
  return *nodes_[0].value;
}

}  // namespace hoist
