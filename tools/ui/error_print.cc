#include "hoist/tools/ui/error_print.h"

#include "absl/strings/str_cat.h"
#include "hoist/core/status/annotate.h"
#include "hoist/tools/ui/display_text.h"
#include "hoist/tools/ui/text_table.h"

namespace hoist {

std::string ErrorText(const absl::Status& status, bool has_color) {
  constexpr size_t kMaxMessageWidth = 2000;
  const std::string code = absl::StatusCodeToString(status.code());
  std::string text = absl::StrCat(
      "hoist: ",
      Styled(absl::StrCat("error[", code, "]"), TextStyle::kRed, has_color),
      ": ", DisplayText(status.message(), kMaxMessageWidth), "\n");
  const std::string hint = HintOf(status);
  if (!hint.empty()) {
    absl::StrAppend(&text, "  hint: ", DisplayText(hint, kMaxMessageWidth),
                    "\n");
  }
  return text;
}

}  // namespace hoist
