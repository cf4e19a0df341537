#include "hoist/checkpoint/open_dcp.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/formats/dcp/dcp_reader.h"
#include "hoist/checkpoint/formats/dcp/safetensors_pieces.h"
#include "hoist/checkpoint/formats/detect/folder_names.h"
#include "hoist/core/io/random_access_file.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

constexpr absl::string_view kDcpFileEnd = ".distcp";

std::string PathIn(const std::string& folder, absl::string_view name) {
  return absl::StrCat(folder, absl::EndsWith(folder, "/") ? "" : "/", name);
}

absl::StatusOr<std::optional<PiecedCheckpoint>> OpenSafetensors(
    const std::string& folder, const FolderNames& names) {
  std::vector<std::shared_ptr<const RandomAccessFile>> files;
  for (const std::string& name : names.files) {
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

// Whether `metadata` is what its name says, and not a file of another program
// that lies there by chance.
bool IsOfDcp(const RandomAccessFile& metadata, const FolderNames& names) {
  uint8_t first = 0;
  const bool is_pickle = metadata.ReadAt(0, {&first, 1}).ok() && first == 0x80;
  return is_pickle || std::any_of(names.files.begin(), names.files.end(),
                                  [](const std::string& name) {
                                    return absl::EndsWith(name, kDcpFileEnd);
                                  });
}

// Adds a warning of files that look like the checkpoint's, and are not: of a
// save by more ranks, maybe.
void NameOthers(const std::string& folder, const FolderNames& names,
                Catalog& catalog) {
  absl::flat_hash_set<absl::string_view> known;
  for (const FileEntry& file : catalog.files) {
    known.insert(file.path);
  }
  std::vector<std::string> others;
  for (const std::string& name : names.files) {
    if (absl::EndsWith(name, kDcpFileEnd) &&
        !known.contains(PathIn(folder, name))) {
      others.push_back(name);
    }
  }
  if (!others.empty()) {
    catalog.warnings.push_back(absl::StrCat(
        others.size(), others.size() == 1 ? " file is" : " files are",
        " not in .metadata, and ignored: ", absl::StrJoin(others, ", ")));
  }
}

}  // namespace

absl::StatusOr<std::optional<PiecedCheckpoint>> OpenDcp(
    const std::string& folder, ThreadPool* pool) {
  const FolderNames names = ListFolder(folder);
  const auto metadata = OpenFile(PathIn(folder, kDcpMetadataName));
  if (absl::IsPermissionDenied(metadata.status())) {
    return metadata.status();
  }
  if (!metadata.ok() || !IsOfDcp(**metadata, names)) {
    return OpenSafetensors(folder, names);
  }
  const auto open = [&folder](const std::string& name)
      -> absl::StatusOr<std::shared_ptr<const RandomAccessFile>> {
    return OpenFile(PathIn(folder, name));
  };
  absl::StatusOr<PiecedCheckpoint> read = ReadDcp(**metadata, open, pool);
  if (!read.ok()) {
    return Annotate(read.status(), folder);
  }
  NameOthers(folder, names, read->catalog);
  return std::optional<PiecedCheckpoint>(*std::move(read));
}

}  // namespace hoist
