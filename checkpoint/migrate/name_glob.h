#ifndef HOIST_CHECKPOINT_MIGRATE_NAME_GLOB_H_
#define HOIST_CHECKPOINT_MIGRATE_NAME_GLOB_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace re2 {
class RE2;
}

namespace hoist {

// What a glob found in a name.
struct GlobMatch {
  // What stands for each wildcard of the glob, in its order.
  std::vector<std::string> wildcards;
  // Where the glob names a layer, what is behind it: ".weight".
  std::string rest;
};

// A pattern for names of tensors: `*` is any text, with dots, as short as
// possible; `?` one byte; `[a-z]` and `[!a-z]` one byte of a set; all else is
// itself. It means names that it describes from end to end, and else, as a name
// on the command line does, all that is inside a layer it describes: "fc" means
// "fc" and "fc.weight". Takes time in proportion to the name. Thread-safe.
class NameGlob {
 public:
  // kInvalidArgument for an empty one, and for a set that does not end or is
  // none.
  static absl::StatusOr<NameGlob> Parse(absl::string_view text);
  const std::string& text() const { return text_; }
  // The wildcards in order, without what is between them: "**?", a set as "[".
  const std::string& wildcards() const { return wildcards_; }

  std::optional<GlobMatch> Match(absl::string_view name) const;

  // The name that has what `match` found in the places of this one's wildcards,
  // which CanFill() has allowed, and its rest at the end.
  std::string Fill(const GlobMatch& match) const;

  // Whether each wildcard of this one can take what one of `pattern` found: the
  // first `*` what the first `*` of it did, and so on, and likewise `?`.
  // kInvalidArgument if it has more of them, or a set.
  absl::Status CanFill(const NameGlob& pattern) const;
  // What of a match of `pattern` is for each of this one's wildcards.
  GlobMatch Chosen(const NameGlob& pattern, const GlobMatch& match) const;

 private:
  NameGlob() = default;
  // Whether all that is not a wildcard is in `name`, one after the other: most
  // names are no match for want of that, which is seen at a fraction of what a
  // regular expression takes.
  bool HasLiterals(absl::string_view name) const;

  std::string text_;
  std::string wildcards_;
  std::vector<std::string> literals_;  // one more than there are wildcards
  std::shared_ptr<const re2::RE2> whole_;
  std::shared_ptr<const re2::RE2> layer_;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_MIGRATE_NAME_GLOB_H_
