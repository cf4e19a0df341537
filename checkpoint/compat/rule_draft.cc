#include "hoist/checkpoint/compat/rule_draft.h"

#include <iterator>

#include "absl/container/flat_hash_set.h"

namespace hoist {

RuleDraft::RuleDraft(absl::Span<const TensorOutline> file,
                     absl::Span<const TensorOutline> target)
    : tensors_(file.begin(), file.end()),
      target_(target.begin(), target.end()) {
  wanted_.reserve(target_.size());
  for (size_t i = 0; i < target_.size(); ++i) {
    wanted_.try_emplace(target_[i].name, i);
  }
  Index();
}

void RuleDraft::Index() {
  has_.clear();
  has_.reserve(tensors_.size());
  for (size_t i = 0; i < tensors_.size(); ++i) {
    has_.insert_or_assign(tensors_[i].name, i);
  }
}

const TensorOutline* RuleDraft::Wanted(absl::string_view name) const {
  const auto found = wanted_.find(name);
  return found == wanted_.end() ? nullptr : &target_[found->second];
}

const TensorOutline* RuleDraft::Has(absl::string_view name) const {
  const auto found = has_.find(name);
  return found == has_.end() ? nullptr : &tensors_[found->second];
}

std::vector<size_t> RuleDraft::Unexpected() const {
  std::vector<size_t> result;
  for (size_t i = 0; i < tensors_.size(); ++i) {
    if (!wanted_.contains(tensors_[i].name)) {
      result.push_back(i);
    }
  }
  return result;
}

std::vector<size_t> RuleDraft::Missing() const {
  std::vector<size_t> result;
  for (size_t i = 0; i < target_.size(); ++i) {
    if (!has_.contains(target_[i].name)) {
      result.push_back(i);
    }
  }
  return result;
}

bool RuleDraft::CanRename(const Renames& renames) const {
  absl::flat_hash_set<size_t> moved;
  absl::flat_hash_set<absl::string_view> names;
  for (const auto& [index, name] : renames) {
    moved.insert(index);
    if (name.empty() || !names.insert(name).second) {
      return false;
    }
  }
  for (const auto& [index, name] : renames) {
    const auto there = has_.find(name);
    if (there != has_.end() && !moved.contains(there->second)) {
      return false;
    }
  }
  return true;
}

void RuleDraft::Rename(const Renames& renames, std::vector<CompatRule> rules) {
  for (const auto& [index, name] : renames) {
    tensors_[index].name = name;
  }
  std::move(rules.begin(), rules.end(), std::back_inserter(rules_));
  Index();
}

void RuleDraft::Replace(const std::vector<size_t>& gone,
                        std::vector<TensorOutline> added,
                        std::vector<CompatRule> rules) {
  if (gone.empty() && added.empty()) {
    return;
  }
  const absl::flat_hash_set<size_t> indices(gone.begin(), gone.end());
  std::vector<TensorOutline> kept;
  kept.reserve(tensors_.size() + added.size());
  for (size_t i = 0; i < tensors_.size(); ++i) {
    if (!indices.contains(i)) {
      kept.push_back(std::move(tensors_[i]));
    }
  }
  std::move(added.begin(), added.end(), std::back_inserter(kept));
  tensors_ = std::move(kept);
  std::move(rules.begin(), rules.end(), std::back_inserter(rules_));
  Index();
}

}  // namespace hoist
