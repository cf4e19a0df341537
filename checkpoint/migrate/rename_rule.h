#ifndef HOIST_CHECKPOINT_MIGRATE_RENAME_RULE_H_
#define HOIST_CHECKPOINT_MIGRATE_RENAME_RULE_H_

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/migrate/checkpoint_parts.h"
#include "hoist/checkpoint/migrate/name_glob.h"

namespace hoist {

// Gives names that it means other names. Takes time in proportion to a name
// (RE2). Copies are cheap. Thread-safe.
class RenameRule {
 public:
  // Names that `pattern` means (NameGlob) become `to` with what stood for its
  // wildcards, and keep what is behind a layer. kInvalidArgument for what is no
  // pattern, or `to` that cannot be filled.
  static absl::StatusOr<RenameRule> Glob(absl::string_view pattern,
                                         absl::string_view to);
  // As sed's s///: the first place in a name where `pattern` (RE2's syntax)
  // fits becomes `to`, with \1 to \9 for its groups and \0 for all; each place
  // if `all`. kInvalidArgument for what is no pattern, or `to` with a group
  // that there is not.
  static absl::StatusOr<RenameRule> Regex(absl::string_view pattern,
                                          absl::string_view to,
                                          bool all = false);
  // The names that start with `from` start with `to`; one of them may be empty.
  static RenameRule Prefix(absl::string_view from, absl::string_view to);
  // "GLOB=REPLACEMENT", or "s/REGEX/REPLACEMENT/" with an optional "g" behind
  // it and any other byte in the place of the slashes. kInvalidArgument with a
  // hint for what is neither, and as above.
  static absl::StatusOr<RenameRule> Parse(absl::string_view text);

  // How Parse() has it, or would.
  const std::string& text() const { return text_; }

  // The new name; nullopt for a name that is not meant.
  std::optional<std::string> Apply(absl::string_view name) const;

  // The rule that gives back the names: kInvalidArgument where none can be
  // derived, and why. A regular expression has one if it is made of literals
  // and groups, each of which is in the replacement once.
  absl::StatusOr<RenameRule> Reverse() const;

 private:
  struct GlobPair {
    NameGlob pattern;
    NameGlob to;
  };
  struct Substitution {
    std::shared_ptr<const re2::RE2> pattern;
    std::string to;
    bool all = false;
  };
  struct Prefixes {
    std::string from;
    std::string to;
  };
  using Form = std::variant<GlobPair, Substitution, Prefixes>;

  RenameRule(std::string text, Form form)
      : text_(std::move(text)),
        form_(std::make_shared<const Form>(std::move(form))) {}

  std::string text_;
  std::shared_ptr<const Form> form_;
};

// Renames the tensors, and what else state dicts hold, by one rule after the
// other. kNotFound for a rule that means no name, with a hint;
// kInvalidArgument as CatalogEditor::Finish(). Thread-safe.
absl::StatusOr<CheckpointParts> RenameTensors(
    CheckpointParts parts, absl::Span<const RenameRule> rules);

// The same for tensors alone, whatever values name them: for who has no use for
// these. kNotFound as above; kInvalidArgument, with the names, where two
// tensors that had different names would have one. Thread-safe.
absl::Status RenameEntries(absl::Span<const RenameRule> rules,
                           std::vector<TensorEntry>& tensors);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_MIGRATE_RENAME_RULE_H_
