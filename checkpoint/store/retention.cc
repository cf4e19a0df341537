#include "hoist/checkpoint/store/retention.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

absl::Status CheckPolicy(const RetentionPolicy& policy) {
  if (!policy.keep_last && !policy.keep_best && !policy.every_steps &&
      !policy.every_time_ns && !policy.remove_damaged) {
    return WithHint(absl::InvalidArgumentError(
                        "No rule says which checkpoints are to be kept"),
                    "Give the number of the last or best ones, or which steps "
                    "or hours");
  }
  for (const std::optional<int64_t>& number :
       {policy.keep_last, policy.keep_best, policy.every_steps,
        policy.every_time_ns}) {
    if (number && *number < 1) {
      return WithHint(absl::InvalidArgumentError(absl::StrCat(
                          "A rule of retention of ", *number, " is none")),
                      "Numbers are 1 or more; leave a rule out to not have it");
    }
  }
  if (policy.keep_best && policy.metric.empty()) {
    return absl::InvalidArgumentError(
        "To keep the best ones takes a metric that tells which they are");
  }
  return absl::OkStatus();
}

// Why each step is kept: reasons by step.
class Reasons {
 public:
  explicit Reasons(absl::Span<const StoredStep> steps)
      : steps_(steps), reasons_(steps.size()) {
    for (size_t i = 0; i < steps.size(); ++i) {
      if (steps[i].is_committed()) {
        by_step_.push_back(static_cast<int>(i));
      }
    }
    std::stable_sort(by_step_.begin(), by_step_.end(), [&steps](int a, int b) {
      return steps[a].step < steps[b].step;
    });
  }

  void Add(int index, std::string reason) {
    reasons_[index].push_back(std::move(reason));
  }
  std::string Of(size_t index) const {
    return absl::StrJoin(reasons_[index], ", ");
  }

  void AddLast(int64_t count) {
    for (size_t i = 0; i < by_step_.size(); ++i) {
      if (static_cast<int64_t>(by_step_.size() - i) <= count) {
        Add(by_step_[i], absl::StrCat("one of the last ", count));
      }
    }
  }
  void AddBest(const RetentionPolicy& policy) {
    const std::vector<int> best =
        ByMetric(steps_, policy.metric, policy.higher_is_better);
    for (size_t i = 0; i < best.size(); ++i) {
      if (static_cast<int64_t>(i) < *policy.keep_best) {
        Add(best[i], absl::StrCat("one of the best ", *policy.keep_best, " by ",
                                  policy.metric));
      }
    }
  }
  void AddEverySteps(int64_t every) {
    for (const int index : by_step_) {
      if (steps_[index].step % every == 0) {
        Add(index, absl::StrCat("a multiple of ", every));
      }
    }
  }
  void AddEveryTime(int64_t every_ns) {
    std::vector<int> by_time = by_step_;
    std::stable_sort(by_time.begin(), by_time.end(), [this](int a, int b) {
      return steps_[a].time_ns < steps_[b].time_ns;
    });
    std::optional<int64_t> kept_ns;
    for (const int index : by_time) {
      // Times may be any: a difference could be more than fits.
      const int64_t time_ns = steps_[index].time_ns;
      if (!kept_ns ||
          static_cast<uint64_t>(time_ns) - static_cast<uint64_t>(*kept_ns) >=
              static_cast<uint64_t>(every_ns)) {
        kept_ns = time_ns;
        Add(index, "the first of its time");
      }
    }
  }
  // The committed one of the highest step; -1 if there is none.
  int newest() const { return by_step_.empty() ? -1 : by_step_.back(); }

 private:
  const absl::Span<const StoredStep> steps_;
  std::vector<std::vector<std::string>> reasons_;
  std::vector<int> by_step_;  // committed ones
};

// Of one that is not committed.
RetentionDecision DecideUncommitted(absl::Span<const StoredStep> steps,
                                    int index, int newest,
                                    bool remove_damaged) {
  const StoredStep& step = steps[index];
  if (!remove_damaged) {
    return {index, true, "not looked at, as it is not whole"};
  }
  if (step.state == StoredStep::State::kUnreadable) {
    return {index, true, "Hoist cannot tell what it is"};
  }
  if (newest < 0) {
    return {index, true, "no other is whole"};
  }
  if (steps[newest].time_ns <= step.time_ns) {
    return {index, true, "may still be written: no whole one is newer"};
  }
  return {index, false, step.reason.empty() ? "not whole" : step.reason};
}

}  // namespace

std::vector<int> ByMetric(absl::Span<const StoredStep> steps,
                          const std::string& metric, bool higher_is_better) {
  std::vector<int> indices;
  for (size_t i = 0; i < steps.size(); ++i) {
    const auto found = steps[i].metrics.find(metric);
    if (steps[i].is_committed() && found != steps[i].metrics.end() &&
        !std::isnan(found->second)) {
      indices.push_back(static_cast<int>(i));
    }
  }
  std::stable_sort(indices.begin(), indices.end(), [&](int a, int b) {
    const double x = steps[a].metrics.at(metric);
    const double y = steps[b].metrics.at(metric);
    if (x != y) {
      return higher_is_better ? x > y : x < y;
    }
    return steps[a].step > steps[b].step;
  });
  return indices;
}

absl::StatusOr<std::vector<RetentionDecision>> PlanRetention(
    absl::Span<const StoredStep> steps, int latest,
    const RetentionPolicy& policy) {
  HOIST_RETURN_IF_ERROR(CheckPolicy(policy));
  Reasons reasons(steps);
  if (latest >= 0) {
    reasons.Add(latest, "the latest");
  }
  if (const int newest = reasons.newest(); newest >= 0 && newest != latest) {
    reasons.Add(newest, "the highest step");
  }
  if (policy.keep_last) {
    reasons.AddLast(*policy.keep_last);
  }
  if (policy.keep_best) {
    reasons.AddBest(policy);
  }
  if (policy.every_steps) {
    reasons.AddEverySteps(*policy.every_steps);
  }
  if (policy.every_time_ns) {
    reasons.AddEveryTime(*policy.every_time_ns);
  }
  const bool has_rules = policy.keep_last || policy.keep_best ||
                         policy.every_steps || policy.every_time_ns;
  std::vector<RetentionDecision> decisions;
  for (size_t i = 0; i < steps.size(); ++i) {
    const int index = static_cast<int>(i);
    if (steps[i].is_pinned) {
      reasons.Add(index, "pinned");
    }
    if (!steps[i].is_own) {
      reasons.Add(index, "not written by Hoist");
    }
    if (const std::string text = reasons.Of(i); !text.empty()) {
      decisions.push_back({index, true, text});
    } else if (!steps[i].is_committed()) {
      decisions.push_back(DecideUncommitted(steps, index, reasons.newest(),
                                            policy.remove_damaged));
    } else if (has_rules) {
      decisions.push_back({index, false, "no rule keeps it"});
    } else {
      decisions.push_back({index, true, "whole"});
    }
  }
  return decisions;
}

}  // namespace hoist
