#ifndef HOIST_TOOLS_UI_LOAD_JSON_H_
#define HOIST_TOOLS_UI_LOAD_JSON_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/load/load_result.h"
#include "hoist/tools/ui/json_text.h"

namespace hoist {

// The report as "hoist.load/1", which other programs rely on (ARCHITECTURE.md).
// Thread-safe.
Json LoadJson(const LoadReport& report, const Catalog& catalog,
              absl::string_view path);

// The field "io" of it: how each file was read, and why.
Json IoJson(absl::Span<const LoadReport::FileIo> files);

// The warnings of a checkpoint, then those of its load that are not among them.
std::vector<std::string> AllWarnings(const Catalog& catalog,
                                     const LoadReport& report);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_LOAD_JSON_H_
