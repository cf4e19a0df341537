#include "hoist/checkpoint/migrate/name_glob.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "re2/re2.h"

namespace hoist {
namespace {

// Names are bytes; what is no valid UTF-8 can be in one.
std::shared_ptr<const re2::RE2> Compile(const std::string& pattern) {
  re2::RE2::Options options;
  options.set_encoding(re2::RE2::Options::EncodingLatin1);
  options.set_dot_nl(true);
  options.set_log_errors(false);
  return std::make_shared<const re2::RE2>(pattern, options);
}

std::string Quoted(const std::string& literal) {
  return re2::RE2::QuoteMeta(literal);
}

// The end of the set that starts at `at`, behind its "]"; npos if there is
// none. As in a shell, "]" first in it is one of its bytes.
size_t EndOfSet(absl::string_view text, size_t at) {
  size_t first = at + 1;
  if (first < text.size() && (text[first] == '!' || text[first] == '^')) {
    ++first;
  }
  const size_t close = text.find(']', first + 1);
  return close == absl::string_view::npos ? close : close + 1;
}

// "[!a-z]" as a regular expression.
std::string SetPattern(absl::string_view set) {
  set = set.substr(1, set.size() - 2);
  std::string pattern = "[";
  if (set[0] == '!' || set[0] == '^') {
    pattern += '^';
    set.remove_prefix(1);
  }
  for (const char byte : set) {
    if (byte == '\\' || byte == '[' || byte == ']' || byte == '^') {
      pattern += '\\';
    }
    pattern += byte;
  }
  return pattern + "]";
}

std::optional<GlobMatch> FullMatch(const re2::RE2& pattern,
                                   absl::string_view name, bool has_rest) {
  const int groups = pattern.NumberOfCapturingGroups();
  std::vector<re2::StringPiece> found(static_cast<size_t>(groups) + 1);
  if (!pattern.Match(re2::StringPiece(name.data(), name.size()), 0, name.size(),
                     re2::RE2::ANCHOR_BOTH, found.data(), groups + 1)) {
    return std::nullopt;
  }
  GlobMatch match;
  for (int i = 1; i <= groups; ++i) {
    match.wildcards.emplace_back(found[static_cast<size_t>(i)].as_string());
  }
  if (has_rest) {
    match.rest = std::move(match.wildcards.back());
    match.wildcards.pop_back();
  }
  return match;
}

}  // namespace

absl::StatusOr<NameGlob> NameGlob::Parse(absl::string_view text) {
  if (text.empty()) {
    return absl::InvalidArgumentError("A pattern for names is empty");
  }
  NameGlob glob;
  glob.text_ = std::string(text);
  glob.literals_.emplace_back();
  std::string pattern;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '*' && text[i] != '?' && text[i] != '[') {
      glob.literals_.back() += text[i];
      continue;
    }
    absl::StrAppend(&pattern, Quoted(glob.literals_.back()));
    glob.literals_.emplace_back();
    glob.wildcards_ += text[i];
    if (text[i] == '[') {
      const size_t end = EndOfSet(text, i);
      if (end == absl::string_view::npos) {
        return absl::InvalidArgumentError(
            absl::StrCat("In the pattern \"", text, "\" a set does not end: \"",
                         text.substr(i), "\""));
      }
      absl::StrAppend(&pattern, "(", SetPattern(text.substr(i, end - i)), ")");
      i = end - 1;
    } else {
      pattern += text[i] == '*' ? "(.*?)" : "(.)";
    }
  }
  absl::StrAppend(&pattern, Quoted(glob.literals_.back()));
  glob.whole_ = Compile(pattern);
  glob.layer_ = Compile(pattern + "(\\..*)");
  for (const auto* const compiled : {glob.whole_.get(), glob.layer_.get()}) {
    if (!compiled->ok()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "The pattern \"", text, "\" is none: ", compiled->error()));
    }
  }
  return glob;
}

bool NameGlob::HasLiterals(absl::string_view name) const {
  if (!absl::StartsWith(name, literals_[0])) {
    return false;
  }
  size_t at = literals_[0].size();
  for (size_t i = 1; i < literals_.size(); ++i) {
    at = name.find(literals_[i], at);
    if (at == absl::string_view::npos) {
      return false;
    }
    at += literals_[i].size();
  }
  return true;
}

std::optional<GlobMatch> NameGlob::Match(absl::string_view name) const {
  if (!HasLiterals(name)) {
    return std::nullopt;
  }
  if (auto match = FullMatch(*whole_, name, /*has_rest=*/false)) {
    return match;
  }
  return FullMatch(*layer_, name, /*has_rest=*/true);
}

std::string NameGlob::Fill(const GlobMatch& match) const {
  std::string name = literals_[0];
  for (size_t i = 0; i < wildcards_.size(); ++i) {
    absl::StrAppend(&name, match.wildcards[i], literals_[i + 1]);
  }
  return absl::StrCat(name, match.rest);
}

absl::Status NameGlob::CanFill(const NameGlob& pattern) const {
  if (wildcards_.find('[') != std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", text_, "\" is to become a name, and has a set of bytes"));
  }
  for (const char kind : {'*', '?'}) {
    const auto count = [kind](const std::string& wildcards) {
      return std::count(wildcards.begin(), wildcards.end(), kind);
    };
    if (count(wildcards_) > count(pattern.wildcards_)) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", text_, "\" has more of ", std::string(1, kind),
                       " than \"", pattern.text_, "\""));
    }
  }
  return absl::OkStatus();
}

GlobMatch NameGlob::Chosen(const NameGlob& pattern,
                           const GlobMatch& match) const {
  GlobMatch chosen{.rest = match.rest};
  size_t next_star = 0;
  size_t next_mark = 0;
  for (const char kind : wildcards_) {
    size_t& next = kind == '*' ? next_star : next_mark;
    next = pattern.wildcards_.find(kind, next);
    chosen.wildcards.push_back(match.wildcards[next]);
    ++next;
  }
  return chosen;
}

}  // namespace hoist
