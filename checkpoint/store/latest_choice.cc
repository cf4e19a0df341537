#include "hoist/checkpoint/store/latest_choice.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace hoist {
namespace {

std::string WhyNot(const StoredStep& step) {
  const absl::string_view state =
      step.state == StoredStep::State::kIncomplete ? "incomplete"
      : step.state == StoredStep::State::kDamaged  ? "damaged"
                                                   : "of an unknown format";
  return step.reason.empty() ? std::string(state)
                             : absl::StrCat(state, " (", step.reason, ")");
}

// Whether `a` comes before `b` in a training.
bool IsOlder(const StoredStep& a, const StoredStep& b) {
  return a.step != b.step ? a.step < b.step : a.time_ns < b.time_ns;
}

}  // namespace

LatestChoice ChooseLatest(absl::Span<const StoredStep> steps,
                          const std::optional<LatestRecord>& record) {
  int highest = -1;
  int named = -1;
  for (size_t i = 0; i < steps.size(); ++i) {
    if (record && steps[i].name == record->name) {
      named = static_cast<int>(i);
    }
    if (steps[i].is_committed() &&
        (highest < 0 || IsOlder(steps[highest], steps[i]))) {
      highest = static_cast<int>(i);
    }
  }
  if (!record) {
    return {.index = highest};
  }
  if (named < 0 || !steps[named].is_committed()) {
    return {.index = highest,
            .warning = absl::StrCat(
                "The record names ", record->name, ", which is ",
                named < 0 ? "not there" : WhyNot(steps[named]),
                highest < 0 ? "; none is valid"
                            : absl::StrCat("; the newest that is valid is ",
                                           steps[highest].name))};
  }
  int after = named;
  for (size_t i = 0; i < steps.size(); ++i) {
    if (steps[i].is_committed() && steps[i].step > steps[after].step &&
        steps[i].time_ns > record->time_ns) {
      after = static_cast<int>(i);
    }
  }
  if (after == named) {
    return {.index = named};
  }
  return {.index = after,
          .warning = absl::StrCat("The record names ", record->name, ", and ",
                                  steps[after].name, " was saved after it")};
}

}  // namespace hoist
