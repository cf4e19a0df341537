#include "hoist/checkpoint/formats/pickle/embedded_storages.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/formats/torch_legacy/torch_legacy_reader.h"
#include "hoist/core/io/memory_file.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {

absl::StatusOr<PickledStorage> EmbeddedStorages::Load(Value bytes) {
  if (const auto known = known_.find(bytes.id()); known != known_.end()) {
    return known->second;
  }
  const absl::string_view content = bytes.AsString();
  const std::string path = catalog_.files[0].path;
  auto file = std::make_shared<const MemoryFile>(
      path, std::vector<uint8_t>(content.begin(), content.end()));
  HOIST_ASSIGN_OR_RETURN(LegacyStorage read, ReadLegacyStorage(*file));
  read.entry.file = static_cast<int>(catalog_.files.size());
  read.entry.name = absl::StrCat("storage ", known_.size(), " in the pickle");
  read.storage.index = static_cast<int>(catalog_.storages.size());
  catalog_.files.push_back({.path = path,
                            .size_bytes = file->size_bytes(),
                            .content = std::move(file)});
  catalog_.storages.push_back(std::move(read.entry));
  return known_.emplace(bytes.id(), std::move(read.storage)).first->second;
}

}  // namespace hoist
