#include "hoist/checkpoint/formats/detect/text_files.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "hoist/checkpoint/formats/detect/shell_word.h"
#include "hoist/core/status/annotate.h"

namespace hoist {
namespace {

using absl::InvalidArgumentError;
using absl::UnimplementedError;

// What stands between `before` and `after`; empty if they are not there.
absl::string_view Between(absl::string_view text, absl::string_view before,
                          absl::string_view after) {
  const size_t start = text.find(before);
  if (start == absl::string_view::npos) {
    return "";
  }
  text.remove_prefix(start + before.size());
  const size_t end = text.find(after);
  return end == absl::string_view::npos ? "" : text.substr(0, end);
}

// In quotes, printable, of bounded length.
std::string Quoted(absl::string_view text) {
  constexpr size_t kMaxBytes = 60;
  text = absl::StripAsciiWhitespace(text);
  return absl::StrCat("\"", absl::CHexEscape(text.substr(0, kMaxBytes)),
                      text.size() > kMaxBytes ? "...\"" : "\"");
}

absl::Status LfsPointer(absl::string_view head, absl::string_view path,
                        uint64_t size_bytes) {
  std::string wanted;
  uint64_t size;
  if (absl::SimpleAtoi(Between(head, "\nsize ", "\n"), &size)) {
    wanted = absl::StrCat(": wanted are ", size, " bytes");
    const absl::string_view oid = Between(head, "\noid ", "\n");
    if (!oid.empty()) {
      absl::StrAppend(&wanted, ", oid ", absl::CHexEscape(oid.substr(0, 80)));
    }
  }
  return WithHint(InvalidArgumentError(absl::StrCat(
                      "A Git LFS pointer (", size_bytes,
                      " bytes), not the file that it points to", wanted)),
                  absl::StrCat("Run in the repository: git lfs pull --include ",
                               ShellWord(FileName(path))));
}

// The content of the first element `name`, in whatever case; empty if there is
// none. One that is cut off counts.
absl::string_view Element(absl::string_view page, absl::string_view name) {
  const std::string lower = absl::AsciiStrToLower(page);
  size_t start = lower.find(absl::StrCat("<", name));
  if (start == std::string::npos) {
    return "";
  }
  start = lower.find('>', start);
  if (start == std::string::npos) {
    return "";
  }
  const size_t end = lower.find("</", ++start);
  return page.substr(start, end == std::string::npos ? end : end - start);
}

absl::Status Markup(absl::string_view text) {
  if (absl::StartsWith(text, "<?xml") && !absl::StrContains(text, "<html")) {
    // As object stores say what went wrong.
    absl::string_view shown = Element(text, "message");
    shown = shown.empty() ? text : shown;
    return WithHint(
        InvalidArgumentError(absl::StrCat("An XML document (", Quoted(shown),
                                          ") instead of a checkpoint")),
        "A download gave an error message: the address may be wrong, have "
        "expired, or need a login");
  }
  absl::string_view title = absl::StripAsciiWhitespace(Element(text, "title"));
  title = title.empty() ? text : title;
  return WithHint(
      InvalidArgumentError(absl::StrCat("An HTML page (", Quoted(title),
                                        ") instead of a checkpoint")),
      "A download gave a web page: the address may be wrong, or need a login");
}

absl::Status Json(absl::string_view head) {
  if (IsShardIndex(head)) {
    return WithHint(UnimplementedError(
                        "The index of a checkpoint in several files (JSON with "
                        "\"weight_map\"): recognised, not read yet"),
                    "Load the files that it names one by one");
  }
  const absl::Status error = InvalidArgumentError(
      absl::StrCat("A JSON file, not a checkpoint; it starts ", Quoted(head)));
  if (absl::StrContains(head.substr(0, 200), "\"error\"")) {
    return WithHint(error,
                    "A download gave an error message: the address may be "
                    "wrong, or need a login");
  }
  return WithHint(error,
                  "Give the file with the weights beside it: .safetensors, "
                  ".pt, .pth or .bin");
}

// Whether `text` starts as a JSON object or list does, as far as it goes.
bool LooksLikeJson(absl::string_view text) {
  const bool is_list = absl::ConsumePrefix(&text, "[");
  if (!is_list && !absl::ConsumePrefix(&text, "{")) {
    return false;
  }
  text = absl::StripLeadingAsciiWhitespace(text);
  return text.empty() || text[0] == '"' || text[0] == (is_list ? '{' : '}');
}

// Whether `head` starts as a text does and not as a binary number.
bool LooksLikeText(absl::string_view head) {
  for (const char c : head.substr(0, sizeof(uint64_t))) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c)) &&
        !absl::ascii_isspace(static_cast<unsigned char>(c))) {
      return false;
    }
  }
  return true;
}

// Whether all of `head` is text in UTF-8, a character at its end maybe cut.
bool IsText(absl::string_view head) {
  size_t i = 0;
  while (i < head.size()) {
    const auto byte = static_cast<unsigned char>(head[i]);
    if (byte < 0x80) {
      constexpr unsigned char kEscape = 0x1b;  // of colors, in logs
      if (absl::ascii_iscntrl(byte) && !absl::ascii_isspace(byte) &&
          byte != kEscape) {
        return false;
      }
      ++i;
      continue;
    }
    const size_t size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    if (byte < 0xc2 || byte > 0xf4) {
      return false;
    }
    for (size_t j = i + 1; j < std::min(i + size, head.size()); ++j) {
      if ((static_cast<uint8_t>(head[j]) & 0xc0) != 0x80) {
        return false;
      }
    }
    i += size;
  }
  return true;
}

}  // namespace

bool IsShardIndex(absl::string_view head) {
  return LooksLikeJson(absl::StripLeadingAsciiWhitespace(head)) &&
         absl::StrContains(head, "\"weight_map\"");
}

absl::Status RefuseTextFile(absl::string_view head, absl::string_view path,
                            uint64_t size_bytes) {
  if (absl::StartsWith(head, "version http")) {
    return LfsPointer(head, path, size_bytes);
  }
  if (!LooksLikeText(head)) {
    return absl::OkStatus();
  }
  absl::string_view text = head;
  absl::ConsumePrefix(&text, "\xef\xbb\xbf");
  text = absl::StripLeadingAsciiWhitespace(text);
  if (absl::StartsWith(text, "<")) {
    return Markup(text);
  }
  if (LooksLikeJson(text)) {
    return Json(text);
  }
  if (!IsText(head)) {
    return absl::OkStatus();
  }
  if (absl::StartsWith(text, "/annex/objects/")) {
    return WithHint(
        InvalidArgumentError(absl::StrCat("A git-annex pointer (", size_bytes,
                                          " bytes), not the file that it "
                                          "points to")),
        absl::StrCat("Run in the repository: git annex get ",
                     ShellWord(FileName(path))));
  }
  return WithHint(InvalidArgumentError(absl::StrCat(
                      "A text file (", size_bytes,
                      " bytes), not a checkpoint; it starts ", Quoted(text))),
                  "Give the file with the weights: .safetensors, .pt, .pth or "
                  ".bin");
}

}  // namespace hoist
