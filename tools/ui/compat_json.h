#ifndef HOIST_TOOLS_UI_COMPAT_JSON_H_
#define HOIST_TOOLS_UI_COMPAT_JSON_H_

#include "hoist/tools/ui/compat_view.h"
#include "hoist/tools/ui/json_text.h"

namespace hoist {

// The answer, as schema hoist.compat/1 has it. Thread-safe.
Json CompatJson(const CompatAnswer& answer);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_COMPAT_JSON_H_
