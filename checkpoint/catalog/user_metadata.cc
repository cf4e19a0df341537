#include "hoist/checkpoint/catalog/user_metadata.h"

#include "absl/strings/match.h"

namespace hoist {

std::vector<std::pair<std::string, std::string>> UserMetadata(
    const Catalog& catalog) {
  std::vector<std::pair<std::string, std::string>> metadata;
  if (catalog.format == Format::kSafetensors ||
      catalog.format == Format::kSafetensorsIndex ||
      catalog.format == Format::kHoist) {
    for (const auto& entry : catalog.metadata) {
      if (!absl::StartsWith(entry.first, "hoist.")) {
        metadata.push_back(entry);
      }
    }
  }
  return metadata;
}

}  // namespace hoist
