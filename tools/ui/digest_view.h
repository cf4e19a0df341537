#ifndef HOIST_TOOLS_UI_DIGEST_VIEW_H_
#define HOIST_TOOLS_UI_DIGEST_VIEW_H_

#include <optional>
#include <string>
#include <vector>

#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/tools/ui/terminal.h"

namespace hoist {

// A line for each tensor: its SHA-256, or "no data", and its name. `digests`
// is parallel to catalog.tensors. Thread-safe.
std::string DigestView(const Catalog& catalog,
                       const std::vector<std::optional<std::string>>& digests,
                       const Terminal& terminal);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_DIGEST_VIEW_H_
