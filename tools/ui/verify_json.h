#ifndef HOIST_TOOLS_UI_VERIFY_JSON_H_
#define HOIST_TOOLS_UI_VERIFY_JSON_H_

#include "hoist/checkpoint/verify/verify_report.h"
#include "hoist/tools/ui/json_text.h"

namespace hoist {

// The report as "hoist.verify/1"; `is_strict` as of VerdictOf(). Thread-safe.
Json VerifyJson(const VerifyReport& report, bool is_strict);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_VERIFY_JSON_H_
