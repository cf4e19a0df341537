#include "hoist/checkpoint/open_shards.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/formats/detect/detect.h"
#include "hoist/checkpoint/formats/detect/folder_names.h"
#include "hoist/checkpoint/formats/detect/index_file.h"
#include "hoist/checkpoint/formats/shard_index/join_shards.h"
#include "hoist/checkpoint/formats/shard_index/shard_number.h"
#include "hoist/checkpoint/read_catalog.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

constexpr size_t kMaxOpened = 10'000;

std::string PathIn(const std::string& folder, absl::string_view name) {
  return absl::StrCat(folder, absl::EndsWith(folder, "/") ? "" : "/", name);
}

// The index among `names` to read; empty if there is none.
absl::StatusOr<std::string> ChooseIndex(const std::string& folder,
                                        const FolderNames& names) {
  std::vector<std::string> safetensors;
  std::vector<std::string> others;
  for (const std::string& name : names.files) {
    if (absl::EndsWith(name, ".index.json")) {
      const auto file = OpenFile(PathIn(folder, name));
      if (file.ok() && IsShardIndexFile(**file)) {
        (absl::StrContains(name, "safetensors") ? safetensors : others)
            .push_back(name);
      }
    }
  }
  const std::vector<std::string>& found =
      safetensors.empty() ? others : safetensors;
  if (found.size() > 1) {
    return WithHint(
        absl::InvalidArgumentError(absl::StrCat(
            folder, ": There are ", found.size(),
            " indexes of checkpoints: ", absl::StrJoin(found, ", "))),
        absl::StrCat("Name the one that is meant: ", PathIn(folder, found[0])));
  }
  return found.empty() ? "" : found[0];
}

absl::StatusOr<ShardIndex> ReadIndex(const std::string& path) {
  HOIST_ASSIGN_OR_RETURN(const auto file, OpenFile(path));
  if (file->size_bytes() > kMaxShardIndexBytes) {
    return absl::DataLossError(
        absl::StrCat(path, ": An index of ", file->size_bytes(),
                     " bytes is more than is read: ", kMaxShardIndexBytes));
  }
  std::string text(static_cast<size_t>(file->size_bytes()), '\0');
  HOIST_RETURN_IF_ERROR(file->ReadAt(
      0, absl::MakeSpan(reinterpret_cast<uint8_t*>(text.data()), text.size())));
  auto index = ParseShardIndex(text);
  return index.ok()
             ? std::move(index)
             : absl::StatusOr<ShardIndex>(Annotate(index.status(), path));
}

void ReadShard(const std::string& folder, Shard& shard,
               std::shared_ptr<const RandomAccessFile>& file) {
  auto opened = OpenFile(PathIn(folder, shard.file));
  shard.status = opened.status();
  if (!opened.ok()) {
    return;
  }
  file = *std::move(opened);
  auto catalog = ReadCatalog(*file, /*pool=*/nullptr);
  shard.status = catalog.status();
  if (catalog.ok()) {
    shard.catalog = *std::move(catalog);
  }
}

void ReadShards(const std::string& folder, std::vector<std::string> names,
                ThreadPool* pool, ShardSet& set) {
  set.shards.resize(names.size());
  set.files.resize(names.size());
  const auto read = [&](int64_t i) {
    set.shards[i].file = std::move(names[i]);
    ReadShard(folder, set.shards[i], set.files[i]);
    return absl::OkStatus();
  };
  const auto count = static_cast<int64_t>(names.size());
  if (pool != nullptr) {
    (void)ParallelFor(*pool, count, read);  // none of them fails
    return;
  }
  for (int64_t i = 0; i < count; ++i) {
    (void)read(i);
  }
}

// What of `names` looks like a checkpoint's file, by its end.
bool HasWeightsName(absl::string_view name) {
  return absl::EndsWith(name, ".safetensors") || absl::EndsWith(name, ".bin");
}

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
  ReadShards(folder, std::move(files), pool, set);
  set.findings =
      CompareShards(set.index ? &*set.index : nullptr, set.shards, others);
  return std::optional<ShardSet>(std::move(set));
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
        "Get all files of one revision again; for all findings: hoist verify");
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
