#ifndef HOIST_TOOLS_UI_RANK_PLAN_VIEW_H_
#define HOIST_TOOLS_UI_RANK_PLAN_VIEW_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/shard/rank_plan.h"
#include "hoist/checkpoint/shard/rank_report.h"
#include "hoist/tools/ui/json_text.h"
#include "hoist/tools/ui/terminal.h"

namespace hoist {

// What all ranks would load, and what is to be said of the plan.
struct RankPlans {
  std::string spec;  // what it is called
  std::vector<RankPlan> ranks;
  std::vector<std::string> notes;
};

// A line for each rank, or for neighbours of which all is the same.
// Thread-safe, like all here.
std::string RankPlanView(const RankPlans& plans, const Terminal& terminal);

// Schema hoist.plan/1.
Json RankPlanJson(const RankPlans& plans, absl::string_view path);

// What one rank has loaded: a few lines, and "rank" of hoist.load/1.
std::string RankLines(const RankReport& report);
Json RankJson(const RankReport& report);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_RANK_PLAN_VIEW_H_
