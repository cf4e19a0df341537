#ifndef HOIST_CHECKPOINT_MIGRATE_RULE_APPLICATION_H_
#define HOIST_CHECKPOINT_MIGRATE_RULE_APPLICATION_H_

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "hoist/checkpoint/migrate/catalog_editor.h"
#include "hoist/checkpoint/migrate/migration_report.h"
#include "hoist/checkpoint/migrate/model_migration.h"

namespace hoist {

// Does one rule after the other to the tensors of an editor, and says in a
// report what each has done. Thread-compatible.
class RuleApplication {
 public:
  // Means names that start with `prefix`, and no others. All outlive it.
  RuleApplication(CatalogEditor& editor, std::string prefix,
                  MigrationReport& report)
      : editor_(editor), prefix_(std::move(prefix)), report_(report) {}

  // kInvalidArgument for a rule that does not fit, and what ApplyMigration()
  // says beside that. The editor is of no use after an error.
  absl::Status Run(const MigrationRule& rule);

 private:
  absl::Status Do(const rules::Rename& rename);
  absl::Status Do(const rules::Drop& drop);
  absl::Status Do(const rules::Cast& cast);
  absl::Status Do(const rules::Transpose& transpose);
  absl::Status Do(const rules::Permute& permute);
  absl::Status Do(const rules::Reshape& reshape);
  absl::Status Do(const rules::Slice& slice);
  absl::Status Do(const rules::Split& split);
  absl::Status Do(const rules::Concat& concat);
  absl::Status Do(const rules::Add& add);
  absl::Status Do(const rules::Require& require);

  // The name as rules have it; nullopt of what is not inside the root.
  std::optional<absl::string_view> Inner(size_t index) const {
    absl::string_view name = editor_.name(index);
    return absl::ConsumePrefix(&name, prefix_) ? std::optional(name)
                                               : std::nullopt;
  }
  std::string Outer(absl::string_view name) const {
    return absl::StrCat(prefix_, name);
  }
  // Tensors, and values if those are meant too.
  std::vector<size_t> Meant(const NameSelector& names, bool with_values);
  template <typename Change>
  absl::Status ForEachTensor(const NameSelector& names,
                             MigrationChange::Kind kind, Change&& change);
  // Warns where the reversed rule would not give the names back.
  void WarnOfNames(const RenameRule& rule,
                   const std::vector<std::string>& before,
                   const std::vector<size_t>& indices);
  absl::Status SplitOne(const rules::Split& split, size_t index);
  absl::StatusOr<std::vector<int64_t>> SizesOf(const rules::Split& split,
                                               const TensorSpec& spec,
                                               size_t dim) const;
  absl::Status ConcatOne(const rules::Concat& concat, const std::string& to,
                         const std::vector<std::optional<size_t>>& parts);
  // A tensor that is meant by the new names of a rule, and was not made by it.
  void WarnOfOthers(const std::vector<RenameRule>& into,
                    const absl::flat_hash_set<size_t>& made);

  void Record(MigrationChange change) {
    report_.steps.back().changes.push_back(std::move(change));
  }
  void Warn(absl::string_view text) {
    report_.warnings.push_back(
        absl::StrCat(report_.steps.back().name, ": ", text));
  }
  std::optional<size_t> Find(const std::string& name) const {
    for (const size_t index : editor_.Tensors()) {
      if (editor_.name(index) == name) {
        return index;
      }
    }
    return std::nullopt;
  }

  CatalogEditor& editor_;
  const std::string prefix_;
  MigrationReport& report_;
  bool has_met_ = false;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_MIGRATE_RULE_APPLICATION_H_
