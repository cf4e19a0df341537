#include "hoist/tools/ui/checkpoints_view.h"

#include <cstddef>
#include <ctime>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "hoist/tools/ui/display_text.h"
#include "hoist/tools/ui/human_size.h"
#include "hoist/tools/ui/text_table.h"

namespace hoist {
namespace {

constexpr size_t kMaxNameWidth = 60;
constexpr size_t kMaxReasonWidth = 200;
constexpr size_t kMaxMetrics = 4;

TextStyle StyleOf(StoredStep::State state) {
  switch (state) {
    case StoredStep::State::kCommitted:
      return TextStyle::kPlain;
    case StoredStep::State::kIncomplete:
    case StoredStep::State::kUnreadable:
      return TextStyle::kYellow;
    case StoredStep::State::kDamaged:
      break;
  }
  return TextStyle::kRed;
}

// "2026-11-25 07:38:20", of this machine's time zone.
std::string TimeText(int64_t time_ns) {
  const std::time_t seconds = time_ns / 1'000'000'000;
  std::tm parts = {};
  if (localtime_r(&seconds, &parts) == nullptr) {
    return "";
  }
  char text[32];
  return std::strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &parts) > 0
             ? text
             : "";
}

std::string MetricsText(const StoredStep& step) {
  std::string text;
  size_t count = 0;
  for (const auto& [name, value] : step.metrics) {
    if (++count > kMaxMetrics) {
      absl::StrAppend(&text, " ...");
      break;
    }
    absl::StrAppend(&text, text.empty() ? "" : " ",
                    DisplayText(name, kMaxNameWidth), "=",
                    absl::StrFormat("%.4g", value));
  }
  return text;
}

}  // namespace

absl::string_view StepStateName(StoredStep::State state) {
  switch (state) {
    case StoredStep::State::kCommitted:
      return "committed";
    case StoredStep::State::kIncomplete:
      return "incomplete";
    case StoredStep::State::kDamaged:
      return "damaged";
    case StoredStep::State::kUnreadable:
      break;
  }
  return "unreadable";
}

std::string CheckpointsView(const StoreListing& listing,
                            const Terminal& terminal) {
  TextTable table;
  for (size_t i = 0; i < listing.steps.size(); ++i) {
    const StoredStep& step = listing.steps[i];
    std::vector<std::string> notes;
    if (static_cast<int>(i) == listing.latest.index) {
      notes.push_back("latest");
    }
    if (step.is_pinned) {
      notes.push_back("pinned");
    }
    if (const std::string metrics = MetricsText(step); !metrics.empty()) {
      notes.push_back(metrics);
    }
    if (!step.reason.empty()) {
      notes.push_back(DisplayText(step.reason, kMaxReasonWidth));
    }
    table.AddRow({{.text = absl::StrCat(step.step), .align_right = true},
                  {.text = DisplayText(step.name, kMaxNameWidth)},
                  {.text = std::string(step.is_committed()
                                           ? absl::string_view(step.format)
                                           : StepStateName(step.state)),
                   .style = StyleOf(step.state)},
                  {.text = HumanBytes(step.size_bytes), .align_right = true},
                  {.text = TimeText(step.time_ns), .style = TextStyle::kDim},
                  {.text = absl::StrJoin(notes, "  "), .is_wide = true}});
  }
  std::string text = listing.steps.empty() ? "no checkpoints\n"
                                           : table.Render(terminal.has_color);
  for (const std::string& warning : listing.warnings) {
    absl::StrAppend(&text,
                    Styled("warning", TextStyle::kYellow, terminal.has_color),
                    ": ", DisplayText(warning), "\n");
  }
  return text;
}

std::string PruneView(const PruneReport& report, bool is_dry_run,
                      const Terminal& terminal) {
  TextTable table;
  for (const RetentionDecision& decision : report.decisions) {
    const StoredStep& step = report.steps[decision.index];
    const absl::string_view verb = decision.keep ? "keep"
                                   : is_dry_run  ? "would remove"
                                                 : "removed";
    table.AddRow(
        {{.text = std::string(verb),
          .style = decision.keep ? TextStyle::kDim : TextStyle::kYellow},
         {.text = DisplayText(step.name, kMaxNameWidth)},
         {.text = HumanBytes(step.size_bytes), .align_right = true},
         {.text = DisplayText(decision.reason, kMaxReasonWidth)}});
  }
  return absl::StrCat(
      table.Render(terminal.has_color), is_dry_run ? "would free " : "freed ",
      HumanBytes(report.removed_bytes), " of ",
      CountText(static_cast<int64_t>(report.removed.size()), "checkpoint"),
      "\n");
}

}  // namespace hoist
