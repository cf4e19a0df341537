#include "hoist/checkpoint/load/chunk_plan.h"

#include <algorithm>
#include <tuple>

#include "hoist/core/base/check.h"

namespace hoist {

std::vector<int> UsedStorages(const Catalog& catalog) {
  std::vector<bool> is_used(catalog.storages.size(), false);
  for (const TensorEntry& tensor : catalog.tensors) {
    if (tensor.storage) {
      is_used[*tensor.storage] = true;
    }
  }
  std::vector<int> storages;
  for (size_t i = 0; i < is_used.size(); ++i) {
    if (is_used[i]) {
      storages.push_back(static_cast<int>(i));
    }
  }
  const auto place = [&catalog](int i) {
    const StorageEntry& storage = catalog.storages[i];
    return std::tuple(storage.file, storage.offset_bytes, i);
  };
  std::sort(storages.begin(), storages.end(),
            [&place](int a, int b) { return place(a) < place(b); });
  return storages;
}

std::vector<Chunk> PlanChunks(const Catalog& catalog,
                              absl::Span<const int> storages,
                              uint64_t chunk_bytes) {
  HOIST_CHECK(chunk_bytes > 0 && chunk_bytes % 16 == 0);
  std::vector<Chunk> chunks;
  for (const int storage : storages) {
    const uint64_t size = catalog.storages[storage].size_bytes;
    for (uint64_t offset = 0; offset < size; offset += chunk_bytes) {
      chunks.push_back({.storage = storage,
                        .offset_bytes = offset,
                        .size_bytes = std::min(chunk_bytes, size - offset)});
    }
  }
  return chunks;
}

}  // namespace hoist
