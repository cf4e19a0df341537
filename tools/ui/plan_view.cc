#include "hoist/tools/ui/plan_view.h"

#include "absl/strings/str_cat.h"
#include "hoist/core/status/annotate.h"
#include "hoist/tools/ui/display_text.h"
#include "hoist/tools/ui/human_size.h"
#include "hoist/tools/ui/load_lines.h"
#include "hoist/tools/ui/text_table.h"

namespace hoist {
namespace {

std::string FitText(const absl::Status& fit, const Terminal& terminal) {
  if (fit.ok()) {
    return absl::StrCat(
        Styled("It fits", TextStyle::kGreen, terminal.has_color), "\n");
  }
  std::string text = absl::StrCat(
      Styled("It does not fit", TextStyle::kRed, terminal.has_color), ": ",
      DisplayText(fit.message()), "\n");
  if (const std::string hint = HintOf(fit); !hint.empty()) {
    absl::StrAppend(&text, "  hint: ", DisplayText(hint), "\n");
  }
  return text;
}

}  // namespace

std::string PlanView(const PlanReport& report, absl::string_view device,
                     const Terminal& terminal) {
  std::string text;
  for (const std::string& warning : report.warnings) {
    absl::StrAppend(&text,
                    Styled("warning", TextStyle::kYellow, terminal.has_color),
                    ": ", DisplayText(warning), "\n");
  }
  absl::StrAppend(
      &text, Styled("Would load", TextStyle::kBold, terminal.has_color), " to ",
      DisplayText(device), "\n  ", CountText(report.tensor_count, "tensor"),
      ", ", HumanBytes(report.needed_bytes), "; reads ",
      HumanBytes(report.read_bytes), " in ",
      CountText(report.read_count, "read"), "\n", ReadLines(report.io),
      MemoryLine(report.peak_host_bytes, report.pinned_bytes,
                 report.device_bytes),
      FitText(report.fit, terminal));
  return text;
}

}  // namespace hoist
