#ifndef HOIST_TOOLS_UI_VERIFY_VIEW_H_
#define HOIST_TOOLS_UI_VERIFY_VIEW_H_

#include <string>

#include "hoist/checkpoint/verify/verify_report.h"
#include "hoist/tools/ui/terminal.h"

namespace hoist {

// What a verification found: a line with the verdict, one for each level, then
// all that is damaged, with the tensors that it concerns. `is_strict` as of
// VerdictOf(). Safe to show. Thread-safe.
std::string VerifyView(const VerifyReport& report, bool is_strict,
                       const Terminal& terminal);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_VERIFY_VIEW_H_
