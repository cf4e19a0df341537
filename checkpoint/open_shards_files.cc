#include "hoist/checkpoint/open_shards_files.h"

#include <cstdint>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/formats/detect/index_file.h"
#include "hoist/checkpoint/read_catalog.h"
#include "hoist/core/io/text_file.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

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

}  // namespace

std::string PathIn(const std::string& folder, absl::string_view name) {
  return absl::StrCat(folder, absl::EndsWith(folder, "/") ? "" : "/", name);
}

bool HasWeightsName(absl::string_view name) {
  return absl::EndsWith(name, ".safetensors") || absl::EndsWith(name, ".bin");
}

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
  HOIST_ASSIGN_OR_RETURN(const std::string text,
                         ReadTextFile(path, kMaxShardIndexBytes));
  auto index = ParseShardIndex(text);
  return index.ok()
             ? std::move(index)
             : absl::StatusOr<ShardIndex>(Annotate(index.status(), path));
}

ReadShardsResult ReadShards(const std::string& folder,
                            std::vector<std::string> names, ThreadPool* pool) {
  ReadShardsResult result;
  result.shards.resize(names.size());
  result.files.resize(names.size());
  const auto read = [&](int64_t i) {
    result.shards[i].file = std::move(names[i]);
    ReadShard(folder, result.shards[i], result.files[i]);
    return absl::OkStatus();
  };
  const auto count = static_cast<int64_t>(names.size());
  if (pool != nullptr) {
    (void)ParallelFor(*pool, count, read);  // none of them fails
    return result;
  }
  for (int64_t i = 0; i < count; ++i) {
    (void)read(i);
  }
  return result;
}

}  // namespace hoist
