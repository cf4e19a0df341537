#ifndef HOIST_CHECKPOINT_LOAD_TEST_CHECKPOINT_H_
#define HOIST_CHECKPOINT_LOAD_TEST_CHECKPOINT_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/core/hash/crc32.h"
#include "hoist/core/io/memory_file.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// A catalog of storages with the given contents in one file, with gaps between
// them, and a one-dimensional float32 tensor "t<i>" over each whole storage.
struct TestCheckpoint {
  Catalog catalog;
  std::vector<std::shared_ptr<const RandomAccessFile>> files;

  explicit TestCheckpoint(const std::vector<std::string>& storages) {
    std::string content = "head";
    for (const std::string& storage : storages) {
      const auto* const data = reinterpret_cast<const uint8_t*>(storage.data());
      const int index = static_cast<int>(catalog.storages.size());
      catalog.storages.push_back({.offset_bytes = content.size(),
                                  .size_bytes = storage.size(),
                                  .crc32 = Crc32({data, storage.size()}),
                                  .name = absl::StrCat("data/", index)});
      const auto count = static_cast<int64_t>(storage.size() / sizeof(float));
      catalog.tensors.push_back({.name = absl::StrCat("t", index),
                                 .spec = {DType::kFloat32, {count}, {1}},
                                 .storage = index});
      absl::StrAppend(&content, storage, "gap");
    }
    catalog.files = {{.path = "memory.pt", .size_bytes = content.size()}};
    files = {std::make_shared<MemoryFile>(content)};
  }
};

// `size` bytes that differ from place to place, and from `seed` to seed.
inline std::string TestBytes(size_t size, uint32_t seed) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) {
    seed = seed * 1664525 + 1013904223;
    byte = static_cast<char>(seed >> 24);
  }
  return bytes;
}

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_LOAD_TEST_CHECKPOINT_H_
