#ifndef HOIST_CHECKPOINT_MIGRATE_NAME_SELECTOR_H_
#define HOIST_CHECKPOINT_MIGRATE_NAME_SELECTOR_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "hoist/checkpoint/migrate/name_glob.h"

namespace re2 {
class RE2;
}

namespace hoist {

// Which names a rule is for: a glob (NameGlob), or a regular expression (RE2)
// that fits somewhere in a name. Copies are cheap. Thread-safe.
class NameSelector {
 public:
  // kInvalidArgument for what is no pattern.
  static absl::StatusOr<NameSelector> Glob(absl::string_view pattern);
  static absl::StatusOr<NameSelector> Regex(absl::string_view pattern);
  // That one name, and nothing else.
  static NameSelector Exact(absl::string_view name);

  bool Means(absl::string_view name) const;

 private:
  NameSelector() = default;

  std::optional<std::string> exact_;
  std::optional<NameGlob> glob_;
  std::shared_ptr<const re2::RE2> regex_;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_MIGRATE_NAME_SELECTOR_H_
