#ifndef HOIST_TOOLS_UI_SCAN_JSON_H_
#define HOIST_TOOLS_UI_SCAN_JSON_H_

#include "absl/strings/string_view.h"
#include "hoist/checkpoint/scan/scan_report.h"
#include "hoist/tools/ui/json_text.h"

namespace hoist {

// The scan of one file, as schema hoist.scan/1 has it in "files". `is_strict`
// as of VerdictOf(). Thread-safe.
Json ScanJson(const ScanReport& report, absl::string_view path, bool is_strict);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_SCAN_JSON_H_
