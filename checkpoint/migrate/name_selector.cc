#include "hoist/checkpoint/migrate/name_selector.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "hoist/core/status/status_macros.h"
#include "re2/re2.h"

namespace hoist {

absl::StatusOr<NameSelector> NameSelector::Glob(absl::string_view pattern) {
  NameSelector selector;
  HOIST_ASSIGN_OR_RETURN(selector.glob_, NameGlob::Parse(pattern));
  return selector;
}

absl::StatusOr<NameSelector> NameSelector::Regex(absl::string_view pattern) {
  re2::RE2::Options options;
  options.set_encoding(re2::RE2::Options::EncodingLatin1);
  options.set_log_errors(false);
  NameSelector selector;
  selector.regex_ = std::make_shared<const re2::RE2>(
      re2::StringPiece(pattern.data(), pattern.size()), options);
  if (!selector.regex_->ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", pattern,
        "\" is no regular expression: ", selector.regex_->error()));
  }
  return selector;
}

NameSelector NameSelector::Exact(absl::string_view name) {
  NameSelector selector;
  selector.exact_ = std::string(name);
  return selector;
}

bool NameSelector::Means(absl::string_view name) const {
  if (exact_) {
    return name == *exact_;
  }
  return glob_ ? glob_->Match(name).has_value()
               : re2::RE2::PartialMatch(
                     re2::StringPiece(name.data(), name.size()), *regex_);
}

}  // namespace hoist
