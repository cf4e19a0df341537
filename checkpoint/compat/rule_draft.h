#ifndef HOIST_CHECKPOINT_COMPAT_RULE_DRAFT_H_
#define HOIST_CHECKPOINT_COMPAT_RULE_DRAFT_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/compat/compat_rule.h"
#include "hoist/checkpoint/compat/tensor_outline.h"

namespace hoist {

// The tensors of a file as the rules found so far have made them, beside those
// of the target, which must outlive it. Thread-compatible.
class RuleDraft {
 public:
  // An index of a tensor, and its new name.
  using Renames = std::vector<std::pair<size_t, std::string>>;

  RuleDraft(absl::Span<const TensorOutline> file,
            absl::Span<const TensorOutline> target);
  RuleDraft(const RuleDraft&) = delete;
  RuleDraft& operator=(const RuleDraft&) = delete;

  const std::vector<TensorOutline>& tensors() const { return tensors_; }
  absl::Span<const TensorOutline> target() const { return target_; }
  const std::vector<CompatRule>& rules() const { return rules_; }

  // The last that is asked of it.
  std::vector<TensorOutline> TakeTensors() { return std::move(tensors_); }
  std::vector<CompatRule> TakeRules() { return std::move(rules_); }

  // The target's tensor of that name; null if there is none.
  const TensorOutline* Wanted(absl::string_view name) const;
  // The same for the name of tensors()[index].
  const TensorOutline* WantedAs(size_t index) const {
    return wanted_as_[index] < 0 ? nullptr : &target_[wanted_as_[index]];
  }
  // The file's tensor of that name; null if there is none.
  const TensorOutline* Has(absl::string_view name) const;

  // Of a name that the file has.
  size_t IndexOf(absl::string_view name) const { return has_.at(name); }

  // Indices of the file's that the target does not have, and the other way.
  std::vector<size_t> Unexpected() const;
  std::vector<size_t> Missing() const;

  // Whether the names that they get are not those of others then.
  bool CanRename(const Renames& renames) const;
  // Done by `rules`, of which the sum is `renames`; CanRename() holds.
  void Rename(const Renames& renames, std::vector<CompatRule> rules);
  // Takes tensors away, and puts others in.
  void Replace(const std::vector<size_t>& gone,
               std::vector<TensorOutline> added, std::vector<CompatRule> rules);
  void SetShape(size_t index, std::vector<int64_t> shape) {
    tensors_[index].shape = std::move(shape);
  }
  void SetDType(size_t index, DType dtype) { tensors_[index].dtype = dtype; }
  void AddRule(CompatRule rule) { rules_.push_back(std::move(rule)); }

  // What people have to know: sentences.
  void AddNote(CompatIssue issue, std::string text) {
    notes_.emplace_back(issue, std::move(text));
  }
  const std::vector<std::pair<CompatIssue, std::string>>& notes() const {
    return notes_;
  }

 private:
  void Index();
  void IndexWanted(size_t index);

  std::vector<TensorOutline> tensors_;
  const absl::Span<const TensorOutline> target_;
  // The first of the target under each name.
  absl::flat_hash_map<absl::string_view, int> wanted_;
  // The last of the file, by the names in tensors_.
  absl::flat_hash_map<absl::string_view, size_t> has_;
  std::vector<int> wanted_as_;  // by the file's index: the target's, or -1
  std::vector<int> holders_;    // by the target's: how many have its name
  std::vector<CompatRule> rules_;
  std::vector<std::pair<CompatIssue, std::string>> notes_;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_COMPAT_RULE_DRAFT_H_
