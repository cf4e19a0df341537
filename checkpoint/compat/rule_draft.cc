#include "hoist/checkpoint/compat/rule_draft.h"

#include <iterator>

#include "absl/container/flat_hash_set.h"

namespace hoist {

RuleDraft::RuleDraft(absl::Span<const TensorOutline> file,
                     absl::Span<const TensorOutline> target)
    : tensors_(file.begin(), file.end()), target_(target) {
  wanted_.reserve(target_.size());
  for (size_t i = 0; i < target_.size(); ++i) {
    wanted_.try_emplace(target_[i].name, static_cast<int>(i));
  }
  Index();
}

void RuleDraft::Index() {
  has_.clear();
  has_.reserve(tensors_.size());
  wanted_as_.assign(tensors_.size(), -1);
  holders_.assign(target_.size(), 0);
  for (size_t i = 0; i < tensors_.size(); ++i) {
    has_.insert_or_assign(tensors_[i].name, i);
    IndexWanted(i);
  }
}

void RuleDraft::IndexWanted(size_t index) {
  const auto found = wanted_.find(tensors_[index].name);
  wanted_as_[index] = found == wanted_.end() ? -1 : found->second;
  if (wanted_as_[index] >= 0) {
    ++holders_[wanted_as_[index]];
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
    if (wanted_as_[i] < 0) {
      result.push_back(i);
    }
  }
  return result;
}

std::vector<size_t> RuleDraft::Missing() const {
  const bool has_repeats = wanted_.size() != target_.size();
  std::vector<size_t> result;
  for (size_t i = 0; i < target_.size(); ++i) {
    const size_t first =
        has_repeats ? static_cast<size_t>(wanted_.at(target_[i].name)) : i;
    if (holders_[first] == 0) {
      result.push_back(i);
    }
  }
  return result;
}

bool RuleDraft::CanRename(const Renames& renames) const {
  std::vector<bool> moved(tensors_.size(), false);
  absl::flat_hash_set<absl::string_view> names;
  names.reserve(renames.size());
  for (const auto& [index, name] : renames) {
    moved[index] = true;
    if (name.empty() || !names.insert(name).second) {
      return false;
    }
  }
  for (const auto& [index, name] : renames) {
    const auto there = has_.find(name);
    if (there != has_.end() && !moved[there->second]) {
      return false;
    }
  }
  return true;
}

void RuleDraft::Rename(const Renames& renames, std::vector<CompatRule> rules) {
  std::move(rules.begin(), rules.end(), std::back_inserter(rules_));
  // Where all names differ, an old one is nobody's afterwards.
  const bool has_repeats = has_.size() != tensors_.size();
  for (const auto& [index, name] : renames) {
    if (!has_repeats) {
      has_.erase(tensors_[index].name);
      if (wanted_as_[index] >= 0) {
        --holders_[wanted_as_[index]];
      }
    }
  }
  if (has_repeats) {
    has_.clear();  // of names that are about to change
  }
  for (const auto& [index, name] : renames) {
    tensors_[index].name = name;
  }
  if (has_repeats) {
    Index();
    return;
  }
  for (const auto& [index, name] : renames) {
    has_.insert_or_assign(tensors_[index].name, index);
    IndexWanted(index);
  }
}

void RuleDraft::Replace(const std::vector<size_t>& gone,
                        std::vector<TensorOutline> added,
                        std::vector<CompatRule> rules) {
  if (gone.empty() && added.empty()) {
    return;
  }
  const absl::flat_hash_set<size_t> indices(gone.begin(), gone.end());
  has_.clear();  // of names that are about to move
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
