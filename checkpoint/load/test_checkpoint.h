#ifndef HOIST_CHECKPOINT_LOAD_TEST_CHECKPOINT_H_
#define HOIST_CHECKPOINT_LOAD_TEST_CHECKPOINT_H_

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/core/hash/crc32.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// A file in memory, for tests.
class MemoryFile : public RandomAccessFile {
 public:
  explicit MemoryFile(std::string content) : content_(std::move(content)) {}

  const std::string& path() const override { return path_; }
  uint64_t size_bytes() const override { return content_.size(); }
  absl::Status ReadAt(uint64_t offset, absl::Span<uint8_t> out) const override {
    if (offset > content_.size() || out.size() > content_.size() - offset) {
      return absl::DataLossError("the file has become shorter");
    }
    std::memcpy(out.data(), content_.data() + offset, out.size());
    return absl::OkStatus();
  }

 private:
  const std::string path_ = "memory.pt";
  const std::string content_;
};

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
    files = {std::make_shared<MemoryFile>(std::move(content))};
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
