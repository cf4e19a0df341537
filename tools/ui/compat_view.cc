#include "hoist/tools/ui/compat_view.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "hoist/tools/ui/display_text.h"
#include "hoist/tools/ui/text_table.h"

namespace hoist {
namespace {

constexpr size_t kMaxWidth = 400;
constexpr size_t kMaxRules = 20;

std::string VerdictLine(const CompatAnswer& answer, bool has_color) {
  const StateDictMatch& match = answer.report->match;
  const std::string counts =
      absl::StrCat(match.matched, " fit, ", match.missing.size(), " missing, ",
                   match.unexpected.size(), " unexpected, ",
                   match.shapes.size(), " of another shape");
  return answer.report->fits()
             ? absl::StrCat(Styled("fits", TextStyle::kGreen, has_color), ": ",
                            counts, "\n")
             : absl::StrCat(Styled("does not fit", TextStyle::kRed, has_color),
                            ": ", counts, "\n");
}

// "2.1 (dtype float8_e4m3fn)", "about 2.1 (...)"
std::string LimitText(const TorchReleases::Limit& limit) {
  return absl::StrCat(limit.is_certain ? "" : "about ",
                      TorchReleaseText(limit.since), " (",
                      DisplayText(limit.what, kMaxWidth), ")");
}

void AddRules(const CompatReport& report, std::string& text) {
  const std::vector<CompatRule>& rules = report.search.rules;
  if (rules.empty()) {
    return;
  }
  const std::string count =
      absl::StrCat(rules.size(), rules.size() == 1 ? " rule" : " rules");
  if (report.fits()) {
    absl::StrAppend(&text, count, " would make dtypes equal, too:\n");
  } else if (report.can_fit()) {
    absl::StrAppend(
        &text, count, rules.size() == 1 ? " makes it fit" : " make it fit",
        " (--suggest FILE writes them, for hoist migrate --rules):\n");
  } else {
    const StateDictMatch& match = report.search.match;
    absl::StrAppend(
        &text, count, rules.size() == 1 ? " brings" : " bring",
        " it nearer, and it does not fit then: ", match.missing.size(),
        " missing, ", match.unexpected.size(), " unexpected, ",
        match.shapes.size(), " of another shape:\n");
  }
  for (size_t i = 0; i < std::min(rules.size(), kMaxRules); ++i) {
    absl::StrAppend(&text, "  ",
                    DisplayText(CompatRuleText(rules[i]), kMaxWidth), "\n");
  }
  if (rules.size() > kMaxRules) {
    absl::StrAppend(&text, "  and ", rules.size() - kMaxRules, " more\n");
  }
}

void AddReleases(const CompatAnswer& answer, bool has_color,
                 std::string& text) {
  const TorchReleases& releases = answer.releases;
  absl::StrAppend(&text, "PyTorch: ", releases.reader, " since ",
                  LimitText(releases.limits[0]));
  if (releases.reader == "torch.load") {
    absl::StrAppend(
        &text, "; with weights_only=True ",
        releases.first_safe
            ? absl::StrCat("since ", LimitText(releases.safe_limits[0]))
            : std::string("never"));
  }
  absl::StrAppend(&text, "\n");
  for (const std::string& refusal : releases.refusals) {
    absl::StrAppend(&text, "  ", DisplayText(refusal, kMaxWidth), "\n");
  }
  for (const std::string& remark : releases.remarks) {
    absl::StrAppend(&text, "  ", DisplayText(remark, kMaxWidth), "\n");
  }
  if (!answer.release) {
    return;
  }
  const std::string asked = TorchReleaseText(*answer.release);
  switch (VerdictOf(releases, *answer.release)) {
    case CompatVerdict::kFits: {
      const bool is_safe =
          releases.first_safe && *answer.release >= *releases.first_safe;
      absl::StrAppend(
          &text, Styled("reads it", TextStyle::kGreen, has_color), ": PyTorch ",
          asked,
          releases.reader == "torch.load" && !is_safe
              ? ", but not with weights_only=True"
              : "",
          *answer.release > kNewestKnownTorch
              ? absl::StrCat(", as far as is known: it is newer than ",
                             TorchReleaseText(kNewestKnownTorch))
              : "",
          "\n");
      break;
    }
    case CompatVerdict::kDoesNotFit:
      absl::StrAppend(&text,
                      Styled("does not read it", TextStyle::kRed, has_color),
                      ": PyTorch ", asked, "\n");
      break;
    case CompatVerdict::kUnknown:
      absl::StrAppend(&text,
                      Styled("cannot tell", TextStyle::kYellow, has_color),
                      " whether PyTorch ", asked,
                      " reads it: since when it does is not certain\n");
      break;
  }
  for (const TorchReleases::Limit& limit : releases.limits) {
    if (limit.since > *answer.release) {
      absl::StrAppend(&text, "  ", DisplayText(limit.what, kMaxWidth),
                      " needs ", limit.is_certain ? "" : "about ",
                      TorchReleaseText(limit.since), "\n");
    }
  }
}

std::string RemedyFor(const ProducerStep& step) {
  if (step.by_default) {
    return "hoist migrate --producer";
  }
  return step.apply == nullptr
             ? "load it with PyTorch, and save it again"
             : absl::StrCat("if its class wants it so: hoist migrate --step=",
                            step.name);
}

}  // namespace

absl::string_view CompatVerdictName(CompatVerdict verdict) {
  switch (verdict) {
    case CompatVerdict::kFits:
      return "fits";
    case CompatVerdict::kDoesNotFit:
      return "does_not_fit";
    case CompatVerdict::kUnknown:
      break;
  }
  return "unknown";
}

CompatVerdict VerdictOf(const TorchReleases& releases, TorchRelease release) {
  if (release >= releases.first) {
    return CompatVerdict::kFits;
  }
  const bool is_certain =
      std::any_of(releases.limits.begin(), releases.limits.end(),
                  [release](const TorchReleases::Limit& limit) {
                    return limit.is_certain && limit.since > release;
                  });
  return is_certain ? CompatVerdict::kDoesNotFit : CompatVerdict::kUnknown;
}

CompatVerdict VerdictOf(const CompatAnswer& answer) {
  const CompatVerdict of_release =
      answer.release ? VerdictOf(answer.releases, *answer.release)
                     : CompatVerdict::kFits;
  if ((answer.report && !answer.report->fits()) ||
      of_release == CompatVerdict::kDoesNotFit) {
    return CompatVerdict::kDoesNotFit;
  }
  return of_release;
}

std::string CompatView(const CompatAnswer& answer, const Terminal& terminal) {
  std::string text = DisplayText(answer.path, kMaxWidth);
  if (answer.report) {
    absl::StrAppend(&text, " against ", DisplayText(answer.target, kMaxWidth));
    if (!answer.report->target_part.empty()) {
      absl::StrAppend(&text, ", its \"",
                      DisplayText(answer.report->target_part, kMaxWidth), "\"");
    }
  }
  absl::StrAppend(&text, "\n");
  if (answer.report) {
    absl::StrAppend(&text, VerdictLine(answer, terminal.has_color));
    for (const CompatFinding& finding : answer.report->findings) {
      absl::StrAppend(
          &text, "  ",
          Styled(absl::StrCat(CompatIssueName(finding.issue), ": "),
                 finding.is_mended ? TextStyle::kYellow : TextStyle::kRed,
                 terminal.has_color),
          DisplayText(finding.text, kMaxWidth), "\n");
    }
    AddRules(*answer.report, text);
  }
  AddReleases(answer, terminal.has_color, text);
  for (const ProducerFinding& finding : answer.producer_steps) {
    if (finding.modules.empty()) {
      continue;
    }
    absl::StrAppend(&text, "PyTorch has changed since: ", finding.step->name,
                    " for ", finding.modules.size(),
                    finding.modules.size() == 1 ? " module" : " modules", " (",
                    DisplayText(finding.modules[0], kMaxWidth),
                    "): ", finding.step->summary, " (",
                    RemedyFor(*finding.step), ")\n");
  }
  if (!answer.absent_devices.empty()) {
    std::vector<std::string> devices;
    for (const std::string& device : answer.absent_devices) {
      devices.push_back(DisplayText(device, kMaxWidth));
    }
    absl::StrAppend(
        &text, "saved on ", absl::StrJoin(devices, ", "),
        ", which this machine has not: PyTorch needs map_location=\"cpu\" or a "
        "device that is there; Hoist loads to where it is told\n");
  }
  return text;
}

}  // namespace hoist
