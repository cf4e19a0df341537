#include "hoist/checkpoint/diff/find_renames.h"

#include <algorithm>
#include <cstddef>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "hoist/core/tensor/tensor_spec.h"

namespace hoist {
namespace {

// Pairs of names that are held against each other at most, for each group of
// equal tensors: as many as there are zeros may be in one.
constexpr size_t kMaxComparisons = 1'000'000;

size_t CommonEnd(absl::string_view a, absl::string_view b) {
  size_t length = 0;
  while (length < a.size() && length < b.size() &&
         a[a.size() - 1 - length] == b[b.size() - 1 - length]) {
    ++length;
  }
  return length;
}

// Positions in `removed` and `added` of tensors that are the same.
struct Group {
  std::vector<size_t> removed;
  std::vector<size_t> added;
};

}  // namespace

std::string FormKey(const TensorEntry& tensor) {
  return absl::StrCat(DTypeName(tensor.spec.dtype),
                      ShapeString(tensor.spec.shape),
                      tensor.is_conjugate ? " conjugate" : "",
                      tensor.is_negative ? " negative" : "", " ");
}

void FindRenames(const Catalog& a, const Catalog& b,
                 absl::Span<const std::string> removed_keys,
                 absl::Span<const std::string> added_keys, DiffReport& report) {
  absl::flat_hash_map<absl::string_view, Group> groups;
  for (size_t i = 0; i < removed_keys.size(); ++i) {
    if (!removed_keys[i].empty()) {
      groups[removed_keys[i]].removed.push_back(i);
    }
  }
  for (size_t i = 0; i < added_keys.size(); ++i) {
    const auto group = groups.find(added_keys[i]);
    if (group != groups.end()) {
      group->second.added.push_back(i);
    }
  }
  std::vector<bool> is_removed_taken(report.removed.size(), false);
  std::vector<bool> is_added_taken(report.added.size(), false);
  for (auto& [key, group] : groups) {
    for (const size_t position : group.removed) {
      if (group.added.empty()) {
        break;
      }
      auto best = group.added.begin();
      if (group.removed.size() * group.added.size() <= kMaxComparisons) {
        const absl::string_view name = a.tensors[report.removed[position]].name;
        size_t best_length = 0;
        for (auto at = group.added.begin(); at != group.added.end(); ++at) {
          const size_t length =
              CommonEnd(name, b.tensors[report.added[*at]].name);
          if (length > best_length) {
            best = at;
            best_length = length;
          }
        }
      }
      report.renamed.push_back({report.removed[position], report.added[*best]});
      is_removed_taken[position] = true;
      is_added_taken[*best] = true;
      group.added.erase(best);
    }
  }
  std::sort(report.renamed.begin(), report.renamed.end(),
            [](const TensorPair& x, const TensorPair& y) { return x.a < y.a; });
  const auto drop = [](const std::vector<bool>& is_taken,
                       std::vector<int>& tensors) {
    size_t kept = 0;
    for (size_t i = 0; i < tensors.size(); ++i) {
      if (!is_taken[i]) {
        tensors[kept++] = tensors[i];
      }
    }
    tensors.resize(kept);
  };
  drop(is_removed_taken, report.removed);
  drop(is_added_taken, report.added);
}

}  // namespace hoist
