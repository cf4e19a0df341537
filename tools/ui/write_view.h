#ifndef HOIST_TOOLS_UI_WRITE_VIEW_H_
#define HOIST_TOOLS_UI_WRITE_VIEW_H_

#include <string>

#include "absl/strings/string_view.h"
#include "hoist/checkpoint/write/write_options.h"
#include "hoist/tools/ui/json_text.h"
#include "hoist/tools/ui/terminal.h"

namespace hoist {

// What was written to `path`: how much, how fast, and what the format could not
// keep. Thread-safe, like all here.
std::string WriteView(const WriteReport& report, absl::string_view path,
                      const Terminal& terminal);

// The same with a "schema".
Json WriteJson(const WriteReport& report, absl::string_view schema,
               absl::string_view path);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_WRITE_VIEW_H_
