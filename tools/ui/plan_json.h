#ifndef HOIST_TOOLS_UI_PLAN_JSON_H_
#define HOIST_TOOLS_UI_PLAN_JSON_H_

#include "absl/strings/string_view.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/tools/ui/json_text.h"
#include "hoist/tools/ui/plan_report.h"

namespace hoist {

// The plan as "hoist.load_plan/1", which other programs rely on. Fields that
// "hoist.load/1" has too mean the same there. `problem` and `hint` are empty
// where `fits` is true. Thread-safe.
Json PlanJson(const PlanReport& report, const Catalog& catalog,
              absl::string_view path);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_PLAN_JSON_H_
