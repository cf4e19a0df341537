#include "hoist/checkpoint/catalog/user_metadata.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

namespace hoist {
namespace {

// What says how the file was written: of Hoist's own format, and of
// torch.distributed.checkpoint, where pieces lie that are no pieces any more.
bool IsOfTheFile(absl::string_view key) {
  return absl::StartsWith(key, "hoist.") || key == "DCP_SHARDING_INFO" ||
         key == "DCP_VERSION";
}

}  // namespace

std::vector<std::pair<std::string, std::string>> UserMetadata(
    const Catalog& catalog) {
  std::vector<std::pair<std::string, std::string>> metadata;
  if (catalog.format != Format::kSafetensors &&
      catalog.format != Format::kSafetensorsIndex &&
      catalog.format != Format::kHoist) {
    return metadata;
  }
  for (const auto& entry : catalog.metadata) {
    // Several files may say several things under one key.
    const bool is_known = std::any_of(
        metadata.begin(), metadata.end(),
        [&](const auto& known) { return known.first == entry.first; });
    if (!is_known && !IsOfTheFile(entry.first)) {
      metadata.push_back(entry);
    }
  }
  return metadata;
}

}  // namespace hoist
