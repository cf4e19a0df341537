#ifndef HOIST_TOOLS_UI_PLAN_VIEW_H_
#define HOIST_TOOLS_UI_PLAN_VIEW_H_

#include <string>

#include "absl/strings/string_view.h"
#include "hoist/tools/ui/plan_report.h"
#include "hoist/tools/ui/terminal.h"

namespace hoist {

// What a load would do: what it would read and how, what memory it would take,
// and whether that is there, with what would make it fit. `device` says where
// the weights would be, and why there. Thread-safe.
std::string PlanView(const PlanReport& report, absl::string_view device,
                     const Terminal& terminal);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_PLAN_VIEW_H_
