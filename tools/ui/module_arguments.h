#ifndef HOIST_TOOLS_UI_MODULE_ARGUMENTS_H_
#define HOIST_TOOLS_UI_MODULE_ARGUMENTS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "hoist/checkpoint/catalog/value.h"

namespace hoist {

// What print(module) shows between the parentheses of a torch.nn class
// ("Linear": "in_features=10, out_features=5, bias=True"), from the attributes
// that it was pickled with; empty for other classes, and for those that show
// nothing. Attributes that are not there are left out. Not safe to show.
// Thread-safe. (source: each class's extra_repr in PyTorch 2.11)
std::string ModuleArguments(absl::string_view type, Value attributes);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_MODULE_ARGUMENTS_H_
