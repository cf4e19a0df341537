#ifndef HOIST_TOOLS_UI_CATALOG_HEADER_H_
#define HOIST_TOOLS_UI_CATALOG_HEADER_H_

#include <string>

#include "absl/strings/string_view.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/tools/ui/terminal.h"

namespace hoist {

// What a checkpoint is, in two lines: `path`, which names it, and its size; the
// format, its version, who wrote it. Thread-safe.
std::string CatalogHeader(const Catalog& catalog, absl::string_view path,
                          const Terminal& terminal);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_CATALOG_HEADER_H_
