#include "hoist/checkpoint/formats/detect/shell_word.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace hoist {

std::string ShellWord(absl::string_view text) {
  constexpr absl::string_view kPlain = "/._-+=,@%";
  const bool is_plain =
      !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
        return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
               kPlain.find(c) != absl::string_view::npos;
      });
  return is_plain ? std::string(text)
                  : absl::StrCat(
                        "'", absl::StrReplaceAll(text, {{"'", "'\\''"}}), "'");
}

absl::string_view FileName(absl::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == absl::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace hoist
