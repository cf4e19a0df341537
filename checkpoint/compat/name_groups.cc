#include "hoist/checkpoint/compat/name_groups.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace hoist {
namespace {

using Member = NameGroup::Member;

void SortMembers(std::vector<Member>& members) {
  // Files mostly have them so.
  const bool is_sorted =
      std::adjacent_find(members.begin(), members.end(),
                         [](const Member& a, const Member& b) {
                           return a.numbers >= b.numbers;
                         }) == members.end();
  if (is_sorted) {
    return;
  }
  std::stable_sort(
      members.begin(), members.end(),
      [](const Member& a, const Member& b) { return a.numbers < b.numbers; });
  size_t kept = 0;
  for (size_t i = 0; i < members.size(); ++i) {
    const bool is_last =
        i + 1 == members.size() || members[i].numbers != members[i + 1].numbers;
    if (is_last && kept++ != i) {
      members[kept - 1] = std::move(members[i]);
    }
  }
  members.resize(kept);
}

}  // namespace

std::vector<NameGroup> GroupsByTemplate(absl::Span<const TensorOutline> tensors,
                                        const std::vector<size_t>& which) {
  std::vector<NameGroup> groups;
  absl::flat_hash_map<std::string, size_t> index;
  for (const size_t at : which) {
    const TensorOutline& tensor = tensors[at];
    if (!IsPlainName(tensor.name)) {
      continue;
    }
    NameTemplate name = TemplateOf(tensor.name);
    const auto [known, is_new] = index.try_emplace(name.text, groups.size());
    if (is_new) {
      groups.push_back({.text = std::move(name.text)});
    }
    groups[known->second].members.push_back(
        {.numbers = std::move(name.numbers),
         .shape = {tensor.shape.begin(), tensor.shape.end()}});
  }
  for (NameGroup& group : groups) {
    SortMembers(group.members);
  }
  return groups;
}

}  // namespace hoist
