#ifndef HOIST_CHECKPOINT_STORE_RETENTION_H_
#define HOIST_CHECKPOINT_STORE_RETENTION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/store/stored_step.h"

namespace hoist {

// Which checkpoints are kept: those that any rule keeps. "Last" and "best" are
// counted apart, so that a best that is among the last is not one less.
struct RetentionPolicy {
  std::optional<int64_t> keep_last;  // of the highest steps
  std::optional<int64_t> keep_best;  // by `metric`
  std::string metric;
  bool higher_is_better = false;
  std::optional<int64_t> every_steps;    // multiples of it
  std::optional<int64_t> every_time_ns;  // one for each such time, the first
  // Also removes own ones that are damaged or incomplete, if older than the
  // newest that is whole.
  bool remove_damaged = false;
};

struct RetentionDecision {
  int index = 0;  // of the step
  bool keep = true;
  std::string reason;  // for people
};

// What the policy does with `steps`, in their order; `latest` is the index of
// the one that a load would take, -1 if there is none. Only those that are
// committed count for rules; of them the latest, the newest and all that are
// pinned are kept whatever the rules, so the last valid one is never removed;
// and so are all that are not Hoist's own. kInvalidArgument for a policy
// without rules, numbers below 1, and "best" without a metric. Thread-safe.
absl::StatusOr<std::vector<RetentionDecision>> PlanRetention(
    absl::Span<const StoredStep> steps, int latest,
    const RetentionPolicy& policy);

// The indices of committed steps that have `metric`, the best first: of equal
// ones the higher step. Numbers that are NaN are left out.
std::vector<int> ByMetric(absl::Span<const StoredStep> steps,
                          const std::string& metric, bool higher_is_better);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_STORE_RETENTION_H_
