#include "hoist/checkpoint/open_shards_rebuild.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "hoist/checkpoint/formats/detect/folder_names.h"
#include "hoist/checkpoint/formats/detect/folders.h"
#include "hoist/checkpoint/formats/shard_index/shard_number.h"
#include "hoist/checkpoint/open_shards_files.h"
#include "hoist/core/io/text_file.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

constexpr absl::string_view kIndexEnd = ".index.json";

struct FoundFiles {
  std::vector<std::string> files;
  std::string around;  // of numbered ones; empty for others
};

bool IsComplete(const std::pair<std::string, uint64_t>& set,
                const std::vector<std::string>& files) {
  std::set<uint64_t> numbers;
  for (const std::string& file : files) {
    numbers.insert(ParseShardNumber(file)->number);
  }
  return numbers.size() == set.second && *numbers.begin() == 1 &&
         *numbers.rbegin() == set.second;
}

// Those of `names` that end with `end`, and are the shards.
absl::StatusOr<FoundFiles> FindFiles(const std::vector<std::string>& names,
                                     absl::string_view end) {
  std::map<std::pair<std::string, uint64_t>, std::vector<std::string>> sets;
  std::vector<std::string> others;
  for (const std::string& name : names) {
    if (!absl::EndsWith(name, end)) {
      continue;
    }
    if (const auto number = ParseShardNumber(name)) {
      sets[{number->around, number->count}].push_back(name);
    } else {
      others.push_back(name);
    }
  }
  if (sets.empty()) {
    // Other programs' files end with ".bin", too.
    return end == ".bin" ? FoundFiles()
                         : FoundFiles{.files = std::move(others)};
  }
  std::vector<FoundFiles> complete;
  std::vector<std::string> all;
  for (auto& [set, files] : sets) {
    all.push_back(
        absl::StrCat(files.size(), " of ", set.second, " files ", set.first));
    if (IsComplete(set, files)) {
      complete.push_back({.files = std::move(files), .around = set.first});
    }
  }
  if (complete.size() == 1) {
    return std::move(complete[0]);
  }
  return WithHint(absl::FailedPreconditionError(absl::StrCat(
                      complete.empty() ? "No set of files is complete: "
                                       : "Several sets of files are complete: ",
                      absl::StrJoin(all, ", "))),
                  complete.empty()
                      ? "Get the missing files again"
                      : "Leave those of one revision in the directory");
}

// "model-*.safetensors": "model.safetensors.index.json".
std::string IndexNameFor(const FoundFiles& found, absl::string_view end) {
  absl::string_view stem = found.around;
  stem = stem.substr(0, stem.find('*'));
  while (absl::EndsWith(stem, "-")) {
    stem.remove_suffix(1);
  }
  return absl::StrCat(stem.empty() ? "model" : stem, end, kIndexEnd);
}

absl::Status RefuseLink(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_symlink(path, error)) {
    return absl::OkStatus();
  }
  return WithHint(
      absl::FailedPreconditionError(absl::StrCat(
          path,
          " is a link, as in a cache: what it points to may have other "
          "users, and is not changed")),
      absl::StrCat("Make it a file of its own first: cp --remove-destination "
                   "\"$(readlink -f ",
                   path, ")\" ", path));
}

}  // namespace

absl::StatusOr<PlannedIndex> PlanIndexRebuild(const std::string& path,
                                              ThreadPool* pool) {
  std::string folder = path;
  std::string index_file;
  if (!IsFolder(path) && absl::EndsWith(path, kIndexEnd)) {
    const size_t slash = path.rfind('/');
    folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    index_file = slash == std::string::npos ? path : path.substr(slash + 1);
  } else if (!IsFolder(path)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is neither a directory nor an index in one"));
  }
  const FolderNames names = ListFolder(folder);
  if (index_file.empty()) {
    HOIST_ASSIGN_OR_RETURN(index_file, ChooseIndex(folder, names));
  }
  FoundFiles found;
  absl::string_view end;
  for (const absl::string_view candidate : {".safetensors", ".bin"}) {
    end = candidate;
    if (!index_file.empty() && !absl::StrContains(index_file, candidate)) {
      continue;
    }
    auto files = FindFiles(names.files, candidate);
    if (!files.ok()) {
      return Annotate(files.status(), folder);
    }
    found = *std::move(files);
    if (!found.files.empty()) {
      break;
    }
  }
  if (found.files.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(folder,
                     ": There are no files of weights (*.safetensors, "
                     "*.bin) that an index could name"));
  }
  if (index_file.empty()) {
    index_file = IndexNameFor(found, end);
  }
  PlannedIndex planned{.path = PathIn(folder, index_file),
                       .files = found.files};
  HOIST_RETURN_IF_ERROR(RefuseLink(planned.path));
  for (const std::string& name : names.files) {
    if (HasWeightsName(name) &&
        !std::binary_search(found.files.begin(), found.files.end(), name)) {
      planned.ignored.push_back(name);
    }
  }
  std::optional<ShardIndex> old;
  std::vector<std::string> changes;
  if (std::binary_search(names.files.begin(), names.files.end(), index_file)) {
    auto read = ReadIndex(planned.path);
    if (read.ok()) {
      old = *std::move(read);
    } else {
      changes.push_back(absl::StrCat("what is there cannot be read: ",
                                     read.status().message()));
    }
  }
  for (const std::string& file :
       old ? old->Files() : std::vector<std::string>()) {
    if (absl::StrContains(file, "/")) {
      return absl::FailedPreconditionError(
          absl::StrCat(planned.path, " names a file in another directory, ",
                       file, ", and is not rebuilt by those beside it"));
    }
  }
  const ReadShardsResult read = ReadShards(folder, found.files, pool);
  auto rebuild = RebuildIndex(old ? &*old : nullptr, read.shards);
  if (!rebuild.ok()) {
    return Annotate(rebuild.status(), folder);
  }
  planned.rebuild = *std::move(rebuild);
  planned.rebuild.changes.insert(planned.rebuild.changes.begin(),
                                 changes.begin(), changes.end());
  // So that what cannot be written is known before anybody asks for it.
  HOIST_RETURN_IF_ERROR(ShardIndexText(planned.rebuild.index).status());
  return planned;
}

absl::Status WriteIndex(const PlannedIndex& planned, FileSystem& file_system) {
  HOIST_ASSIGN_OR_RETURN(const std::string text,
                         ShardIndexText(planned.rebuild.index));
  return WriteTextFile(file_system, planned.path, text, /*overwrite=*/true);
}

}  // namespace hoist
