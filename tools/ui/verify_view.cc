#include "hoist/tools/ui/verify_view.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "hoist/core/tensor/tensor_spec.h"
#include "hoist/tools/ui/display_text.h"
#include "hoist/tools/ui/human_size.h"
#include "hoist/tools/ui/load_lines.h"
#include "hoist/tools/ui/text_table.h"

namespace hoist {
namespace {

constexpr size_t kMaxNameWidth = 100;
constexpr size_t kMaxProblemWidth = 300;
// Of one damage; JSON has all.
constexpr size_t kMaxNames = 10;
constexpr size_t kMaxTensors = 50;

TextStyle StyleOf(VerifyVerdict verdict) {
  switch (verdict) {
    case VerifyVerdict::kGood:
      return TextStyle::kGreen;
    case VerifyVerdict::kDamaged:
      return TextStyle::kRed;
    case VerifyVerdict::kIncomplete:
      break;
  }
  return TextStyle::kYellow;
}

std::string VerdictText(const VerifyReport& report, VerifyVerdict verdict) {
  switch (verdict) {
    case VerifyVerdict::kGood:
      return "good";
    case VerifyVerdict::kDamaged:
      return report.damages.empty() ? "NOT GOOD: numbers that are none"
                                    : "DAMAGED";
    case VerifyVerdict::kIncomplete:
      break;
  }
  return "NOT VERIFIED: not all could be looked at";
}

std::string TensorNames(const std::vector<std::string>& tensors) {
  if (tensors.empty()) {
    return "";
  }
  const size_t shown = std::min(tensors.size(), kMaxNames);
  std::string text = absl::StrCat(
      " (", tensors.size() == 1 ? "tensor " : "tensors ",
      absl::StrJoin(absl::MakeConstSpan(tensors).subspan(0, shown), ", ",
                    [](std::string* out, const std::string& name) {
                      out->append(DisplayText(name, kMaxNameWidth));
                    }));
  if (tensors.size() > shown) {
    absl::StrAppend(&text, " and ", tensors.size() - shown, " more");
  }
  return text + ")";
}

std::string DamageLines(const VerifyReport& report, bool has_color) {
  std::string text;
  for (const Damage& damage : report.damages) {
    absl::StrAppend(&text, "  ", Styled("damaged", TextStyle::kRed, has_color),
                    "  ");
    if (damage.path != report.path) {
      absl::StrAppend(&text, DisplayText(damage.path), ": ");
    }
    if (!damage.place.empty()) {
      absl::StrAppend(&text, DisplayText(damage.place, kMaxNameWidth),
                      TensorNames(damage.tensors), ": ");
    }
    absl::StrAppend(&text, DisplayText(damage.problem, kMaxProblemWidth), "\n");
  }
  return text;
}

std::string ChecksumLine(const VerifyReport& report) {
  if (report.level == VerifyLevel::kStructure) {
    return "";
  }
  std::string text;
  if (report.compared_bytes > 0) {
    text =
        absl::StrCat("  checksum   ", HumanBytes(report.compared_bytes), " of ",
                     HumanBytes(report.storage_bytes), " compared in ",
                     HumanTime(report.read_time_ns), ", ",
                     HumanRate(report.read_bytes, report.read_time_ns), "\n");
  }
  if (report.ceiling_bytes_per_second > 0 && report.read_time_ns > 0) {
    const double rate = static_cast<double>(report.read_bytes) * 1e9 /
                        static_cast<double>(report.read_time_ns);
    absl::StrAppend(
        &text, "             ",
        std::lround(100 * rate / report.ceiling_bytes_per_second),
        " % of the ceiling: the same bytes are read into memory at ",
        HumanRate(static_cast<uint64_t>(report.ceiling_bytes_per_second),
                  1'000'000'000),
        "\n");
  }
  if (report.digested_files > 0) {
    absl::StrAppend(&text, "  manifest   ",
                    CountText(report.digested_files, "file"), " compared\n");
  }
  return text;
}

std::string ValueLines(const VerifyReport& report, bool has_color) {
  if (report.level != VerifyLevel::kValues) {
    return "";
  }
  int64_t looked_at = 0;
  int64_t zero = 0;
  int64_t constant = 0;
  TextTable table;
  for (const VerifyReport::Tensor& tensor : report.tensors) {
    if (!tensor.values) {
      continue;
    }
    const TensorValues& values = *tensor.values;
    ++looked_at;
    zero += values.is_zero ? 1 : 0;
    constant += values.is_constant && !values.is_zero ? 1 : 0;
    if (!values.is_finite() && table.size() < kMaxTensors) {
      table.AddRow(
          {{.text = DisplayText(tensor.name, kMaxNameWidth),
            .style = TextStyle::kRed},
           {.text = absl::StrCat(
                GroupedDigits(static_cast<int64_t>(values.nan_count)), " NaN"),
            .align_right = true},
           {.text = absl::StrCat(
                GroupedDigits(static_cast<int64_t>(values.infinity_count)),
                " infinite"),
            .align_right = true},
           {.text = absl::StrCat(
                "of ", GroupedDigits(static_cast<int64_t>(values.count)),
                ", first at ", ShapeString(values.first_bad))}});
    }
  }
  const int64_t bad = BadTensorCount(report);
  std::string text = absl::StrCat(
      "  values     ", bad, " of ", CountText(looked_at, "tensor"),
      " have NaN or infinite numbers; ", zero, " are all zero, ", constant,
      " of one other number\n", table.Render(has_color, 4));
  if (bad > static_cast<int64_t>(table.size())) {
    absl::StrAppend(&text, "    and ", bad - static_cast<int64_t>(table.size()),
                    " more\n");
  }
  return text;
}

}  // namespace

std::string VerifyView(const VerifyReport& report, bool is_strict,
                       const Terminal& terminal) {
  const bool has_color = terminal.has_color;
  const VerifyVerdict verdict = VerdictOf(report, is_strict);
  std::string text = absl::StrCat(
      DisplayText(report.path), "  ",
      Styled(VerdictText(report, verdict), StyleOf(verdict), has_color), "\n");
  if (!report.format.empty()) {
    absl::StrAppend(
        &text, "  structure  ", report.format, ", ",
        CountText(static_cast<int64_t>(report.tensors.size()), "tensor"),
        " in ", CountText(report.storage_count, "storage"), ", ",
        HumanBytes(report.storage_bytes), "\n");
  }
  absl::StrAppend(&text, ChecksumLine(report), ValueLines(report, has_color));
  for (const VerifyReport::NotPossible& not_possible : report.not_possible) {
    absl::StrAppend(&text, "  ",
                    Styled("not possible", TextStyle::kYellow, has_color), "  ",
                    VerifyLevelName(not_possible.level), ": ",
                    DisplayText(not_possible.reason, kMaxProblemWidth), "\n");
  }
  for (const std::string& warning : report.warnings) {
    absl::StrAppend(&text, "  ",
                    Styled("warning", TextStyle::kYellow, has_color), "  ",
                    DisplayText(warning, kMaxProblemWidth), "\n");
  }
  return text + DamageLines(report, has_color);
}

}  // namespace hoist
