#include "hoist/checkpoint/scan/dangerous_classes.h"

#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/scan/global_classes.h"

namespace hoist {

std::vector<std::string> DangerousClasses(const ValueGraph& graph) {
  std::vector<std::string> dangerous;
  for (const auto& [module, name] : graph.class_names()) {
    if (ClassifyGlobal(module, name) == GlobalClass::kDangerous) {
      dangerous.push_back(absl::StrCat(module, ".", name));
    }
  }
  return dangerous;
}

}  // namespace hoist
