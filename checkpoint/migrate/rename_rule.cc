#include "hoist/checkpoint/migrate/rename_rule.h"

#include <cstddef>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/migrate/catalog_editor.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "re2/re2.h"

namespace hoist {
namespace {

constexpr absl::string_view kForms =
    "Write GLOB=REPLACEMENT, as 'encoder.*=backbone.*', or "
    "s/REGEX/REPLACEMENT/, as 's/^layers\\.(\\d+)/blocks.\\1/'";

// A regular expression that is literals with groups between them.
struct SimpleRegex {
  bool has_start = false;             // "^"
  bool has_end = false;               // "$"
  std::vector<std::string> literals;  // one more than groups
  std::vector<std::string> groups;    // with their parentheses
};

// Where the group that starts at `at` ends, behind its ")"; npos if it has
// groups inside it.
size_t EndOfGroup(absl::string_view pattern, size_t at) {
  bool is_set = false;
  for (size_t i = at + 1; i < pattern.size(); ++i) {
    if (pattern[i] == '\\') {
      ++i;
    } else if (is_set) {
      is_set = pattern[i] != ']';
    } else if (pattern[i] == '[') {
      is_set = true;
      // First in a set, "]" is one of its bytes.
      i += absl::StartsWith(pattern.substr(i), "[^]")  ? 2
           : absl::StartsWith(pattern.substr(i), "[]") ? 1
                                                       : 0;
    } else if (pattern[i] == '(') {
      return absl::string_view::npos;
    } else if (pattern[i] == ')') {
      return i + 1;
    }
  }
  return absl::string_view::npos;
}

std::optional<SimpleRegex> ParseSimple(absl::string_view pattern) {
  SimpleRegex simple{.literals = {""}};
  size_t i = 0;
  if (absl::StartsWith(pattern, "^")) {
    simple.has_start = true;
    i = 1;
  }
  while (i < pattern.size()) {
    const char byte = pattern[i];
    if (byte == '(') {
      const size_t end = EndOfGroup(pattern, i);
      if (end == absl::string_view::npos || pattern[i + 1] == '?') {
        return std::nullopt;
      }
      simple.groups.emplace_back(pattern.substr(i, end - i));
      simple.literals.emplace_back();
      i = end;
    } else if (byte == '$' && i + 1 == pattern.size()) {
      simple.has_end = true;
      ++i;
    } else if (byte == '\\' && i + 1 < pattern.size() &&
               absl::ascii_ispunct(
                   static_cast<unsigned char>(pattern[i + 1]))) {
      simple.literals.back() += pattern[i + 1];
      i += 2;
    } else if (absl::string_view("\\.[{*+?|^$").find(byte) !=
               absl::string_view::npos) {
      return std::nullopt;
    } else {
      simple.literals.back() += byte;
      ++i;
    }
  }
  return simple;
}

std::shared_ptr<const re2::RE2> Compile(absl::string_view pattern) {
  re2::RE2::Options options;
  options.set_encoding(re2::RE2::Options::EncodingLatin1);
  options.set_log_errors(false);
  return std::make_shared<const re2::RE2>(
      re2::StringPiece(pattern.data(), pattern.size()), options);
}

// `to` as RE2 has it: only "\" is not itself there.
std::string EscapedReplacement(absl::string_view literal) {
  std::string escaped;
  for (const char byte : literal) {
    escaped += byte == '\\' ? "\\\\" : std::string(1, byte);
  }
  return escaped;
}

absl::Status NoReverse(absl::string_view text, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("\"", text, "\" cannot be reversed: ", why));
}

// The three parts of "s/a/b/c", whose separators may be in a part behind "\".
std::optional<std::vector<std::string>> SplitSubstitution(
    absl::string_view text) {
  if (text.size() < 4 || text[0] != 's' ||
      absl::ascii_isalnum(static_cast<unsigned char>(text[1])) ||
      text[1] == '\\' || text[1] == '.' || text[1] == '_' || text[1] == '*') {
    return std::nullopt;
  }
  const char separator = text[1];
  std::vector<std::string> parts = {""};
  for (size_t i = 2; i < text.size(); ++i) {
    if (text[i] == separator) {
      parts.emplace_back();
    } else if (text[i] == '\\' && i + 1 < text.size()) {
      ++i;
      if (text[i] != separator) {
        parts.back() += '\\';
      }
      parts.back() += text[i];
    } else {
      parts.back() += text[i];
    }
  }
  if (parts.size() != 3) {
    return std::nullopt;
  }
  return parts;
}

}  // namespace

absl::StatusOr<RenameRule> RenameRule::Glob(absl::string_view pattern,
                                            absl::string_view to) {
  HOIST_ASSIGN_OR_RETURN(NameGlob from, NameGlob::Parse(pattern));
  HOIST_ASSIGN_OR_RETURN(NameGlob target, NameGlob::Parse(to));
  HOIST_RETURN_IF_ERROR(target.CanFill(from));
  return RenameRule(absl::StrCat(pattern, "=", to),
                    GlobPair{std::move(from), std::move(target)});
}

absl::StatusOr<RenameRule> RenameRule::Regex(absl::string_view pattern,
                                             absl::string_view to, bool all) {
  Substitution form{
      .pattern = Compile(pattern), .to = std::string(to), .all = all};
  if (!form.pattern->ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", pattern, "\" is no regular expression: ", form.pattern->error()));
  }
  std::string error;
  if (!form.pattern->CheckRewriteString(form.to, &error)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", to, "\" is no replacement: ", error));
  }
  return RenameRule(absl::StrCat("s/", pattern, "/", to, all ? "/g" : "/"),
                    std::move(form));
}

RenameRule RenameRule::Prefix(absl::string_view from, absl::string_view to) {
  return RenameRule(absl::StrCat(from, "* to ", to, "*"),
                    Prefixes{std::string(from), std::string(to)});
}

absl::StatusOr<RenameRule> RenameRule::Parse(absl::string_view text) {
  if (const auto parts = SplitSubstitution(text)) {
    if ((*parts)[2].empty() || (*parts)[2] == "g") {
      return Regex((*parts)[0], (*parts)[1], (*parts)[2] == "g");
    }
  } else if (const size_t equals = text.find('=');
             equals != absl::string_view::npos && equals > 0 &&
             equals + 1 < text.size()) {
    return Glob(text.substr(0, equals), text.substr(equals + 1));
  }
  return WithHint(absl::InvalidArgumentError(absl::StrCat(
                      "\"", text, "\" says not what becomes what")),
                  kForms);
}

std::optional<std::string> RenameRule::Apply(absl::string_view name) const {
  if (const auto* const prefixes = std::get_if<Prefixes>(form_.get())) {
    // Without a name nothing is left.
    if (!absl::StartsWith(name, prefixes->from) ||
        name.size() == prefixes->from.size()) {
      return std::nullopt;
    }
    return absl::StrCat(prefixes->to, name.substr(prefixes->from.size()));
  }
  if (const auto* const globs = std::get_if<GlobPair>(form_.get())) {
    const auto match = globs->pattern.Match(name);
    if (!match) {
      return std::nullopt;
    }
    return globs->to.Fill(globs->to.Chosen(globs->pattern, *match));
  }
  const auto& form = std::get<Substitution>(*form_);
  std::string result(name);
  const bool has_match =
      form.all ? re2::RE2::GlobalReplace(&result, *form.pattern, form.to) > 0
               : re2::RE2::Replace(&result, *form.pattern, form.to);
  return has_match ? std::optional<std::string>(std::move(result))
                   : std::nullopt;
}

absl::StatusOr<RenameRule> RenameRule::Reverse() const {
  if (const auto* const prefixes = std::get_if<Prefixes>(form_.get())) {
    return Prefix(prefixes->to, prefixes->from);
  }
  if (const auto* const globs = std::get_if<GlobPair>(form_.get())) {
    const absl::Status status = globs->pattern.CanFill(globs->to);
    return status.ok() ? Glob(globs->to.text(), globs->pattern.text())
                       : NoReverse(text_, status.message());
  }
  const auto& form = std::get<Substitution>(*form_);
  const auto simple = ParseSimple(form.pattern->pattern());
  if (!simple) {
    return NoReverse(text_, "its pattern is more than text with groups in it");
  }
  if (form.all) {
    return NoReverse(text_, "it may have been done several times to a name");
  }
  // The replacement, with the groups' own patterns for what it says of them.
  std::string pattern = simple->has_start ? "^" : "";
  std::vector<size_t> order;
  for (size_t i = 0; i < form.to.size(); ++i) {
    if (form.to[i] != '\\') {
      pattern += re2::RE2::QuoteMeta(form.to.substr(i, 1));
      continue;
    }
    ++i;
    if (form.to[i] == '\\') {
      pattern += "\\\\";
      continue;
    }
    const auto group = static_cast<size_t>(form.to[i] - '0');
    for (const size_t known : order) {
      if (known == group) {
        return NoReverse(text_, "a group is in its replacement twice");
      }
    }
    if (group == 0) {
      return NoReverse(text_, "its replacement has \\0");
    }
    order.push_back(group);
    pattern += simple->groups[group - 1];
  }
  if (order.size() != simple->groups.size()) {
    return NoReverse(text_, "a group is not in its replacement");
  }
  pattern += simple->has_end ? "$" : "";
  std::string to = EscapedReplacement(simple->literals[0]);
  for (size_t i = 0; i < simple->groups.size(); ++i) {
    size_t place = 1;
    while (order[place - 1] != i + 1) {
      ++place;
    }
    absl::StrAppend(&to, "\\", place,
                    EscapedReplacement(simple->literals[i + 1]));
  }
  return Regex(pattern, to);
}

namespace {

absl::Status MeansNothing(const RenameRule& rule) {
  return WithHint(absl::NotFoundError(
                      absl::StrCat("\"", rule.text(), "\" means no tensor")),
                  "For the names that there are: hoist inspect");
}

}  // namespace

absl::StatusOr<CheckpointParts> RenameTensors(
    CheckpointParts parts, absl::Span<const RenameRule> rules) {
  HOIST_ASSIGN_OR_RETURN(const auto editor,
                         CatalogEditor::Create(std::move(parts)));
  for (const RenameRule& rule : rules) {
    bool has_match = false;
    for (const auto& indices : {editor->Tensors(), editor->Values()}) {
      for (const size_t i : indices) {
        if (auto name = rule.Apply(editor->name(i))) {
          has_match = true;
          editor->Rename(i, *std::move(name));
        }
      }
    }
    if (!has_match) {
      return MeansNothing(rule);
    }
  }
  return editor->Finish();
}

absl::Status RenameEntries(absl::Span<const RenameRule> rules,
                           std::vector<TensorEntry>& tensors) {
  std::vector<std::string> before;
  for (const TensorEntry& tensor : tensors) {
    before.push_back(tensor.name);
  }
  for (const RenameRule& rule : rules) {
    bool has_match = false;
    for (TensorEntry& tensor : tensors) {
      if (auto name = rule.Apply(tensor.name)) {
        has_match = true;
        tensor.name = *std::move(name);
      }
    }
    if (!has_match) {
      return MeansNothing(rule);
    }
  }
  absl::flat_hash_map<absl::string_view, size_t> first;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const auto [known, is_new] = first.emplace(tensors[i].name, i);
    if (!is_new && before[known->second] != before[i]) {
      return absl::InvalidArgumentError(
          absl::StrCat("Tensors ", before[known->second], " and ", before[i],
                       " would both be named ", tensors[i].name));
    }
  }
  return absl::OkStatus();
}

}  // namespace hoist
