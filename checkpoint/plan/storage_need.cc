#include "hoist/checkpoint/plan/storage_need.h"

#include <algorithm>
#include <tuple>

#include "hoist/core/base/check.h"

namespace hoist {
namespace {

// [begin, end) in bytes of a storage.
struct Range {
  uint64_t begin = 0;
  uint64_t end = 0;
  bool is_used = false;

  void Add(uint64_t from, uint64_t to) {
    begin = begin == end ? from : std::min(begin, from);
    end = std::max(end, to);
  }
};

void AddTensor(const TensorEntry& tensor, Range& range) {
  range.is_used = true;
  // ValidateCatalog() has seen that these are numbers, and inside the storage.
  const auto end = RequiredStorageBytes(tensor.spec, tensor.storage_offset);
  HOIST_CHECK(end.ok());
  if (*end > 0) {
    range.Add(static_cast<uint64_t>(tensor.storage_offset) *
                  static_cast<uint64_t>(DTypeBits(tensor.spec.dtype)) / 8,
              static_cast<uint64_t>(*end));
  }
}

void WidenToChunks(const StorageEntry& storage, StorageNeed& need) {
  if (storage.chunks.empty() || need.size_bytes == 0) {
    return;
  }
  const uint64_t chunk_bytes = storage.chunks.front().size_bytes;
  const uint64_t last = (need.begin_bytes + need.size_bytes - 1) / chunk_bytes;
  need.begin_bytes = need.begin_bytes / chunk_bytes * chunk_bytes;
  need.size_bytes =
      last * chunk_bytes + storage.chunks[last].size_bytes - need.begin_bytes;
}

}  // namespace

std::vector<StorageNeed> NeededStorages(const Catalog& catalog,
                                        bool keep_verifiable) {
  std::vector<Range> ranges(catalog.storages.size());
  for (const TensorEntry& tensor : catalog.tensors) {
    if (tensor.storage) {
      AddTensor(tensor, ranges[*tensor.storage]);
    }
  }
  std::vector<StorageNeed> needs;
  for (size_t i = 0; i < ranges.size(); ++i) {
    if (!ranges[i].is_used) {
      continue;
    }
    const StorageEntry& storage = catalog.storages[i];
    StorageNeed need = {.storage = static_cast<int>(i),
                        .begin_bytes = ranges[i].begin,
                        .size_bytes = ranges[i].end - ranges[i].begin};
    // Whole units, where their bytes are to be reversed.
    const auto unit = static_cast<uint64_t>(storage.swap_bytes);
    const uint64_t end =
        (need.begin_bytes + need.size_bytes + unit - 1) / unit * unit;
    need.begin_bytes = need.begin_bytes / unit * unit;
    need.size_bytes = end - need.begin_bytes;
    if (storage.deflated_bytes || (keep_verifiable && storage.crc32 &&
                                   need.size_bytes >= storage.size_bytes / 2)) {
      need.begin_bytes = 0;
      need.size_bytes = storage.size_bytes;
    }
    if (storage.encoded_bytes || keep_verifiable) {
      WidenToChunks(storage, need);
    }
    needs.push_back(need);
  }
  const auto place = [&catalog](const StorageNeed& need) {
    const StorageEntry& storage = catalog.storages[need.storage];
    return std::tuple(storage.file, storage.offset_bytes, need.storage);
  };
  std::sort(needs.begin(), needs.end(),
            [&place](const StorageNeed& a, const StorageNeed& b) {
              return place(a) < place(b);
            });
  return needs;
}

}  // namespace hoist
