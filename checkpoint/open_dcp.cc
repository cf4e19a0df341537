#include "hoist/checkpoint/open_dcp.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/formats/dcp/dcp_reader.h"
#include "hoist/checkpoint/formats/dcp/safetensors_pieces.h"
#include "hoist/checkpoint/formats/detect/folder_names.h"
#include "hoist/core/io/random_access_file.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

std::string PathIn(const std::string& folder, absl::string_view name) {
  return absl::StrCat(folder, absl::EndsWith(folder, "/") ? "" : "/", name);
}

absl::StatusOr<std::optional<PiecedCheckpoint>> OpenSafetensors(
    const std::string& folder) {
  std::vector<std::shared_ptr<const RandomAccessFile>> files;
  for (const std::string& name : ListFolder(folder).files) {
    // With an index tensors are whole.
    if (absl::EndsWith(name, ".index.json")) {
      return std::nullopt;
    }
    if (absl::StartsWith(name, "shard-") &&
        absl::EndsWith(name, ".safetensors")) {
      HOIST_ASSIGN_OR_RETURN(files.emplace_back(),
                             OpenFile(PathIn(folder, name)));
    }
  }
  return files.empty() ? std::nullopt : ReadSafetensorsPieces(files);
}

}  // namespace

absl::StatusOr<std::optional<PiecedCheckpoint>> OpenDcp(
    const std::string& folder, ThreadPool* pool) {
  const auto metadata = OpenFile(PathIn(folder, kDcpMetadataName));
  if (!metadata.ok()) {
    return absl::IsPermissionDenied(metadata.status())
               ? metadata.status()
               : OpenSafetensors(folder);
  }
  const auto open = [&folder](const std::string& name)
      -> absl::StatusOr<std::shared_ptr<const RandomAccessFile>> {
    return OpenFile(PathIn(folder, name));
  };
  absl::StatusOr<PiecedCheckpoint> read = ReadDcp(**metadata, open, pool);
  if (!read.ok()) {
    return Annotate(read.status(), folder);
  }
  return std::optional<PiecedCheckpoint>(*std::move(read));
}

}  // namespace hoist
