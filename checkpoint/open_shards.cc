#include "hoist/checkpoint/open_shards.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/formats/detect/detect.h"
#include "hoist/checkpoint/formats/detect/folder_names.h"
#include "hoist/checkpoint/formats/detect/folders.h"
#include "hoist/checkpoint/formats/detect/index_file.h"
#include "hoist/checkpoint/formats/shard_index/join_shards.h"
#include "hoist/checkpoint/formats/shard_index/shard_number.h"
#include "hoist/checkpoint/open_shards_files.h"
#include "hoist/checkpoint/read_catalog.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

constexpr size_t kMaxOpened = 10'000;

bool IsSafetensorsFile(const std::string& path) {
  const auto file = OpenFile(path);
  if (!file.ok()) {
    return false;
  }
  const auto format = DetectFormat(**file);
  return format.ok() && *format == Format::kSafetensors;
}

// Without an index: the only set of numbered names, of safetensors rather than
// of others; or the only safetensors file.
std::vector<std::string> ChooseFiles(const std::string& folder,
                                     const FolderNames& names) {
  std::map<std::string, std::vector<std::string>> sets;
  for (const std::string& name : names.files) {
    const auto number = ParseShardNumber(name);
    if (number && HasWeightsName(name)) {
      sets[number->around].push_back(name);
    }
  }
  for (const absl::string_view end : {".safetensors", ".bin"}) {
    std::vector<std::vector<std::string>> ending;
    for (const auto& [around, files] : sets) {
      if (absl::EndsWith(around, end)) {
        ending.push_back(files);
      }
    }
    if (ending.size() == 1) {
      return ending[0];
    }
    if (ending.size() > 1) {
      return {};
    }
  }
  std::vector<std::string> found;
  for (size_t i = 0; i < std::min(names.files.size(), kMaxOpened); ++i) {
    if (IsSafetensorsFile(PathIn(folder, names.files[i]))) {
      found.push_back(names.files[i]);
    }
  }
  return found.size() == 1 ? found : std::vector<std::string>();
}

}  // namespace

absl::StatusOr<std::optional<ShardSet>> FindShards(
    const std::string& folder, const std::string& index_file,
    ThreadPool* pool) {
  const FolderNames names = ListFolder(folder);
  ShardSet set;
  set.index_file = index_file;
  if (set.index_file.empty()) {
    HOIST_ASSIGN_OR_RETURN(set.index_file, ChooseIndex(folder, names));
  }
  std::vector<std::string> files;
  std::vector<std::string> others;
  if (!set.index_file.empty()) {
    HOIST_ASSIGN_OR_RETURN(set.index,
                           ReadIndex(PathIn(folder, set.index_file)));
    files = set.index->Files();
    for (const std::string& name : names.files) {
      const bool is_like_a_shard =
          !files.empty() &&
          absl::EndsWith(name, files[0].substr(files[0].rfind('.') + 1)) &&
          HasWeightsName(name);
      if (is_like_a_shard &&
          !std::binary_search(files.begin(), files.end(), name)) {
        others.push_back(name);
      }
    }
  } else {
    files = ChooseFiles(folder, names);
    if (files.empty()) {
      return std::nullopt;
    }
  }
  ReadShardsResult read = ReadShards(folder, std::move(files), pool);
  set.shards = std::move(read.shards);
  set.files = std::move(read.files);
  set.findings =
      CompareShards(set.index ? &*set.index : nullptr, set.shards, others);
  return std::optional<ShardSet>(std::move(set));
}

absl::StatusOr<std::optional<ShardSet>> FindShardsAt(const std::string& path,
                                                     ThreadPool* pool) {
  const auto file = OpenFile(path);
  if (absl::IsInvalidArgument(file.status()) && IsFolder(path)) {
    return FindShards(path, "", pool);
  }
  if (!file.ok() || !IsShardIndexFile(**file)) {
    return std::nullopt;
  }
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? FindShards(".", path, pool)
                                    : FindShards(path.substr(0, slash + 1),
                                                 path.substr(slash + 1), pool);
}

absl::StatusOr<JoinedShards> Join(ShardSet set) {
  const auto errors = std::count_if(
      set.findings.begin(), set.findings.end(),
      [](const ShardFinding& finding) { return finding.is_error; });
  if (errors > 0) {
    const ShardFinding& first = set.findings[0];
    return WithHint(
        absl::Status(
            first.code,
            absl::StrCat(first.text,
                         errors > 1 ? absl::StrCat(" (and ", errors - 1,
                                                   " more findings)")
                                    : "",
                         ". Nothing was loaded")),
        "Get all files of one revision again; for all findings: hoist verify; "
        "if only the index is wrong: hoist index rebuild");
  }
  JoinedShards joined;
  const bool is_safetensors =
      std::all_of(set.shards.begin(), set.shards.end(), [](const Shard& shard) {
        return shard.catalog.format == Format::kSafetensors;
      });
  for (size_t i = 0; i < set.shards.size(); ++i) {
    for (auto& file : FilesOf(set.shards[i].catalog, set.files[i])) {
      joined.files.push_back(std::move(file));
    }
  }
  HOIST_ASSIGN_OR_RETURN(joined.catalog, JoinShards(std::move(set.shards)));
  Catalog& catalog = joined.catalog;
  catalog.format =
      is_safetensors ? Format::kSafetensorsIndex : Format::kTorchIndex;
  if (set.index) {
    for (auto& entry : set.index->metadata) {
      catalog.metadata.push_back(std::move(entry));
    }
  }
  for (ShardFinding& finding : set.findings) {
    catalog.warnings.push_back(std::move(finding.text));
  }
  return joined;
}

}  // namespace hoist
