#include "hoist/tools/ui/load_view.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "hoist/tools/ui/display_text.h"
#include "hoist/tools/ui/human_size.h"
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
          "Not verified: the file records no checksums; sizes and places "
          "are right",
          TextStyle::kYellow};
    case Verified::kStructure:
      return {
          "Verified in part: some bytes have no checksum in the file; "
          "sizes and places are right",
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

std::string MemoryText(const LoadReport& report) {
  std::string text;
  const auto add = [&text](uint64_t bytes, absl::string_view what) {
    if (bytes > 0) {
      absl::StrAppend(&text, text.empty() ? "" : ", ", HumanBytes(bytes), " ",
                      what);
    }
  };
  add(report.peak_host_bytes, "host");
  add(report.pinned_bytes, "pinned");
  add(report.device_bytes, "device");
  return text;
}

}  // namespace

std::string LoadView(const LoadReport& report, absl::string_view device,
                     const Terminal& terminal) {
  std::string text =
      absl::StrCat(Styled("Loaded", TextStyle::kBold, terminal.has_color),
                   " to ", DisplayText(device), "\n");
  const std::string rate = HumanRate(report.bytes, report.time_ns);
  absl::StrAppend(&text, "  ", GroupedDigits(report.tensor_count), " tensor",
                  report.tensor_count == 1 ? "" : "s", ", ",
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
  const std::string memory = MemoryText(report);
  if (!memory.empty()) {
    absl::StrAppend(&text, "  memory at most: ", memory, "\n");
  }
  const VerifiedText verified = DescribeVerified(report.verified);
  absl::StrAppend(
      &text, Styled(verified.text, verified.style, terminal.has_color), "\n");
  return text;
}

}  // namespace hoist
