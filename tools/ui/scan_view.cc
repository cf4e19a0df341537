#include "hoist/tools/ui/scan_view.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "hoist/tools/ui/display_text.h"
#include "hoist/tools/ui/text_table.h"

namespace hoist {
namespace {

constexpr size_t kMaxNameWidth = 100;
constexpr size_t kMaxProblemWidth = 300;

TextStyle StyleOf(ScanVerdict verdict) {
  switch (verdict) {
    case ScanVerdict::kClean:
      return TextStyle::kGreen;
    case ScanVerdict::kIncomplete:
      return TextStyle::kYellow;
    case ScanVerdict::kDangerous:
      break;
  }
  return TextStyle::kRed;
}

TextStyle StyleOf(GlobalClass global_class) {
  switch (global_class) {
    case GlobalClass::kHarmless:
      return TextStyle::kDim;
    case GlobalClass::kUnknown:
      return TextStyle::kPlain;
    case GlobalClass::kDangerous:
      break;
  }
  return TextStyle::kRed;
}

absl::string_view VerdictText(ScanVerdict verdict) {
  switch (verdict) {
    case ScanVerdict::kClean:
      return "clean";
    case ScanVerdict::kIncomplete:
      return "NOT CLEAN: it could not all be read";
    case ScanVerdict::kDangerous:
      break;
  }
  return "DANGEROUS";
}

// "3 names imported: 2 harmless, 1 unknown".
std::string CountText(const ScanReport& report) {
  if (report.findings.empty()) {
    return "no names imported";
  }
  std::string text = absl::StrCat(
      report.findings.size(),
      report.findings.size() == 1 ? " name imported: " : " names imported: ");
  absl::string_view separator = "";
  for (const GlobalClass global_class :
       {GlobalClass::kDangerous, GlobalClass::kUnknown,
        GlobalClass::kHarmless}) {
    const auto count =
        std::count_if(report.findings.begin(), report.findings.end(),
                      [global_class](const ScanFinding& finding) {
                        return finding.global_class == global_class;
                      });
    if (count > 0) {
      absl::StrAppend(&text, separator, count, " ",
                      GlobalClassName(global_class));
      separator = ", ";
    }
  }
  return text;
}

std::string Place(const ScanFinding& finding) {
  const std::string at = absl::StrCat("byte ", finding.position);
  return finding.member.empty()
             ? at
             : absl::StrCat(at, " of ",
                            DisplayText(finding.member, kMaxNameWidth));
}

}  // namespace

absl::string_view ScanVerdictName(ScanVerdict verdict) {
  switch (verdict) {
    case ScanVerdict::kClean:
      return "clean";
    case ScanVerdict::kIncomplete:
      return "incomplete";
    case ScanVerdict::kDangerous:
      break;
  }
  return "dangerous";
}

std::string ScanView(const ScanReport& report, absl::string_view path,
                     const ScanViewOptions& options, const Terminal& terminal) {
  const ScanVerdict verdict = VerdictOf(report, options.is_strict);
  std::string text = absl::StrCat(
      DisplayText(path), "  ",
      Styled(VerdictText(verdict), StyleOf(verdict), terminal.has_color), "  (",
      CountText(report), ")\n");
  TextTable table;
  for (const GlobalClass global_class :
       {GlobalClass::kDangerous, GlobalClass::kUnknown,
        GlobalClass::kHarmless}) {
    if (global_class == GlobalClass::kHarmless && !options.shows_all) {
      continue;
    }
    for (const ScanFinding& finding : report.findings) {
      if (finding.global_class == global_class) {
        table.AddRow({{.text = std::string(GlobalClassName(global_class)),
                       .style = StyleOf(global_class)},
                      {.text = DisplayText(
                           absl::StrCat(finding.module, ".", finding.name),
                           kMaxNameWidth)},
                      {.text = Place(finding)}});
      }
    }
  }
  absl::StrAppend(&text, table.Render(terminal.has_color, 2));
  for (const ScanProblem& problem : report.problems) {
    absl::StrAppend(
        &text, "  ", Styled("not read", TextStyle::kYellow, terminal.has_color),
        "  ",
        problem.member.empty()
            ? ""
            : absl::StrCat(DisplayText(problem.member, kMaxNameWidth), ": "),
        DisplayText(problem.message, kMaxProblemWidth), "\n");
  }
  return text;
}

}  // namespace hoist
