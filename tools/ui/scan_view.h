#ifndef HOIST_TOOLS_UI_SCAN_VIEW_H_
#define HOIST_TOOLS_UI_SCAN_VIEW_H_

#include <string>

#include "absl/strings/string_view.h"
#include "hoist/checkpoint/scan/scan_report.h"
#include "hoist/tools/ui/terminal.h"

namespace hoist {

// "clean", "incomplete", "dangerous".
absl::string_view ScanVerdictName(ScanVerdict verdict);

struct ScanViewOptions {
  bool is_strict = false;  // as of VerdictOf()
  bool shows_all = false;  // harmless names, too
};

// What the scan of one file found: a line with the verdict, then dangerous and
// unknown names and where they are, then why this may not be all. Safe to show.
// Thread-safe.
std::string ScanView(const ScanReport& report, absl::string_view path,
                     const ScanViewOptions& options, const Terminal& terminal);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_SCAN_VIEW_H_
