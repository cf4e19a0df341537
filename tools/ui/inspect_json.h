#ifndef HOIST_TOOLS_UI_INSPECT_JSON_H_
#define HOIST_TOOLS_UI_INSPECT_JSON_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/tools/ui/json_text.h"

namespace hoist {

// SHA-256 by tensor, as TensorDigests() gives them.
using Digests = std::vector<std::optional<std::string>>;

// The catalog as "hoist.inspect/1", which other programs rely on
// (ARCHITECTURE.md). `digests` adds the field `sha256`; null for none.
// Thread-safe.
Json InspectJson(const Catalog& catalog, absl::string_view path,
                 const Digests* digests);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_INSPECT_JSON_H_
