#include "hoist/tools/ui/load_view.h"

#include "absl/strings/str_cat.h"
#include "hoist/tools/ui/display_text.h"
#include "hoist/tools/ui/human_size.h"
#include "hoist/tools/ui/load_lines.h"
#include "hoist/tools/ui/text_table.h"

namespace hoist {
namespace {

struct VerifiedText {
  absl::string_view text;
  TextStyle style;
};

VerifiedText DescribeVerified(Verified verified) {
  switch (verified) {
    case Verified::kNone:
      return {"Not verified, as --verify=off asked", TextStyle::kYellow};
    case Verified::kNotRecorded:
      return {
          "Not verified: the file has no checksums of what was loaded; sizes "
          "and places are right",
          TextStyle::kYellow};
    case Verified::kStructure:
      return {
          "Verified in part: the file has no checksum of some of what was "
          "loaded; sizes and places are right",
          TextStyle::kYellow};
    case Verified::kChecksum:
      return {"Verified: every byte agrees with the file's checksums",
              TextStyle::kGreen};
    case Verified::kDevice:
      return {"Verified: every byte on the device is what was read",
              TextStyle::kGreen};
  }
  return {"", TextStyle::kPlain};
}

// What part of the ceiling was reached, where that was measured.
std::string CeilingLine(const LoadReport& report) {
  if (report.ceiling_bytes_per_second <= 0 || report.time_ns <= 0) {
    return "";
  }
  const double rate = static_cast<double>(report.bytes) * 1e9 /
                      static_cast<double>(report.time_ns);
  constexpr int64_t kSecond = 1'000'000'000;
  return absl::StrCat(
      "  ", std::lround(100 * rate / report.ceiling_bytes_per_second),
      " % of the ceiling: the same bytes are read into memory at ",
      HumanRate(static_cast<uint64_t>(report.ceiling_bytes_per_second),
                kSecond),
      "\n");
}

}  // namespace

std::string LoadView(const LoadReport& report, absl::string_view device,
                     const Terminal& terminal) {
  std::string text =
      absl::StrCat(Styled("Loaded", TextStyle::kBold, terminal.has_color),
                   " to ", DisplayText(device), "\n");
  const std::string rate = HumanRate(report.bytes, report.time_ns);
  absl::StrAppend(&text, "  ", CountText(report.tensor_count, "tensor"), ", ",
                  HumanBytes(report.bytes), " in ", HumanTime(report.time_ns),
                  rate.empty() ? "" : ", ", rate, "\n");
  TextTable table;
  for (const LoadReport::Phase& phase : report.phases) {
    table.AddRow(
        {{.text = phase.name},
         {.text = HumanTime(phase.time_ns), .align_right = true},
         {.text = phase.bytes > 0 ? HumanBytes(phase.bytes) : "",
          .align_right = true},
         {.text = HumanRate(phase.bytes, phase.time_ns), .align_right = true}});
  }
  absl::StrAppend(&text, table.Render(terminal.has_color, 4));
  absl::StrAppend(&text, CeilingLine(report));
  absl::StrAppend(&text, ReadLines(report.io),
                  MemoryLine(report.peak_host_bytes, report.pinned_bytes,
                             report.device_bytes));
  const VerifiedText verified = DescribeVerified(report.verified);
  absl::StrAppend(
      &text, Styled(verified.text, verified.style, terminal.has_color), "\n");
  return text;
}

}  // namespace hoist
