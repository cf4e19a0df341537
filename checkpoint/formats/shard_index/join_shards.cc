#include "hoist/checkpoint/formats/shard_index/join_shards.h"

#include <iterator>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

// Entries of the root that are no tensors: nobody needs them who has the
// tensors of all shards.
size_t OtherEntries(const Catalog& catalog) {
  if (catalog.values == nullptr || catalog.root().kind() != ValueKind::kDict) {
    return 0;
  }
  size_t count = 0;
  for (size_t i = 0; i < catalog.root().size(); ++i) {
    count += catalog.root().value(i).kind() != ValueKind::kTensor ? 1 : 0;
  }
  return count;
}

void AddShard(Shard shard, Catalog& joined) {
  Catalog& catalog = shard.catalog;
  const int first_file = static_cast<int>(joined.files.size());
  const int first_storage = static_cast<int>(joined.storages.size());
  if (const size_t others = OtherEntries(catalog); others > 0) {
    joined.warnings.push_back(absl::StrCat(
        shard.file, ": ", others,
        others == 1 ? " entry that is no tensor is left out"
                    : " entries that are no tensors are left out"));
  }
  for (std::string& warning : catalog.warnings) {
    joined.warnings.push_back(absl::StrCat(shard.file, ": ", warning));
  }
  for (StorageEntry& storage : catalog.storages) {
    storage.file += first_file;
    storage.name = absl::StrCat(shard.file, ": ", storage.name);
  }
  for (TensorEntry& tensor : catalog.tensors) {
    if (tensor.storage) {
      *tensor.storage += first_storage;
    }
  }
  const auto append = [](auto& from, auto& to) {
    to.insert(to.end(), std::make_move_iterator(from.begin()),
              std::make_move_iterator(from.end()));
  };
  append(catalog.files, joined.files);
  append(catalog.storages, joined.storages);
  append(catalog.tensors, joined.tensors);
  const absl::flat_hash_set<std::pair<std::string, std::string>> known(
      joined.metadata.begin(), joined.metadata.end());
  for (auto& entry : catalog.metadata) {
    if (!known.contains(entry)) {
      joined.metadata.push_back(std::move(entry));
    }
  }
}

}  // namespace

absl::StatusOr<Catalog> JoinShards(std::vector<Shard> shards) {
  Catalog joined;
  for (Shard& shard : shards) {
    constexpr size_t kMax = std::numeric_limits<int>::max();
    if (shard.catalog.storages.size() > kMax - joined.storages.size() ||
        shard.catalog.files.size() > kMax - joined.files.size() ||
        shard.catalog.tensors.size() > kMax - joined.tensors.size()) {
      return absl::DataLossError("More tensors than can be counted");
    }
    joined.producer = shard.catalog.producer;
    AddShard(std::move(shard), joined);
  }
  auto graph = std::make_shared<ValueGraph>();
  std::vector<ValueId> items;
  items.reserve(2 * joined.tensors.size());
  for (size_t i = 0; i < joined.tensors.size(); ++i) {
    items.push_back(graph->AddString(joined.tensors[i].name));
    items.push_back(graph->Add(
        {.kind = ValueKind::kTensor, .data = static_cast<int64_t>(i)}));
  }
  joined.root_id = graph->AddItems(ValueKind::kDict, items);
  joined.values = std::move(graph);
  HOIST_RETURN_IF_ERROR(ValidateCatalog(joined));
  return joined;
}

}  // namespace hoist
