#ifndef HOIST_TOOLS_UI_DIFF_JSON_H_
#define HOIST_TOOLS_UI_DIFF_JSON_H_

#include "hoist/checkpoint/diff/diff_report.h"
#include "hoist/tools/ui/diff_view.h"
#include "hoist/tools/ui/json_text.h"

namespace hoist {

// How B differs from A as "hoist.diff/1", with all tensors, and as many other
// values as the report has. What is infinite is the text "inf". Thread-safe.
Json DiffJson(const DiffReport& report, const DiffSide& a, const DiffSide& b);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_DIFF_JSON_H_
