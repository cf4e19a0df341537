#ifndef HOIST_TOOLS_UI_LOAD_VIEW_H_
#define HOIST_TOOLS_UI_LOAD_VIEW_H_

#include <string>

#include "absl/strings/string_view.h"
#include "hoist/checkpoint/load/load_result.h"
#include "hoist/tools/ui/terminal.h"

namespace hoist {

// What a load did: where the weights are, time and rate as a whole and by
// phase, how files were read and why, what was verified. `device` says which
// device that is, and why. Thread-safe.
std::string LoadView(const LoadReport& report, absl::string_view device,
                     const Terminal& terminal);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_LOAD_VIEW_H_
