#ifndef HOIST_TOOLS_UI_CATALOG_VIEW_H_
#define HOIST_TOOLS_UI_CATALOG_VIEW_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/tools/ui/terminal.h"

namespace hoist {

// What a person wants to see of a checkpoint: what it is, its layers, totals by
// dtype, what else is in it, `warnings`. `path` names it. Ends with "\n".
// Thread-safe.
std::string CatalogView(const Catalog& catalog, absl::string_view path,
                        const std::vector<std::string>& warnings,
                        const Terminal& terminal);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_CATALOG_VIEW_H_
