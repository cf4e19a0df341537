#ifndef HOIST_CHECKPOINT_LOAD_RANDOM_CHECKPOINT_H_
#define HOIST_CHECKPOINT_LOAD_RANDOM_CHECKPOINT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// A number from 0 to `count` - 1; `count` is not 0.
inline size_t Below(std::mt19937& random, size_t count) {
  return random() % count;
}

// Storages of all kinds in several files, in any order: with gaps of any size
// between them, over each other's bytes, compressed, of the other byte order,
// empty, with a checksum or without; and tensors over them: whole, slices,
// strided, scalars, repeated, empty, without data, or none at all.
class RandomCheckpoint {
 public:
  struct Options {
    int max_files = 3;
    int max_storages = 12;
    size_t max_storage_bytes = 64 << 10;
    // In the test's own folder, until it goes; otherwise in memory.
    bool is_on_disk = false;
  };

  RandomCheckpoint(std::mt19937& random, const Options& options);
  ~RandomCheckpoint();
  RandomCheckpoint(const RandomCheckpoint&) = delete;
  RandomCheckpoint& operator=(const RandomCheckpoint&) = delete;

  const Catalog& catalog() const { return catalog_; }
  const std::vector<std::shared_ptr<const RandomAccessFile>>& files() const {
    return files_;
  }
  // What the file holds, and another file with that content in its place.
  const std::string& content(int file) const { return contents_[file]; }
  void Replace(int file, std::string content);
  // Changes the file behind the back of who has it open; only on disk.
  void Truncate(int file, uint64_t size_bytes) const;
  void Touch(int file) const;

 private:
  void AddStorage(std::mt19937& random, int file, size_t max_bytes);
  void AddTensors(std::mt19937& random, int storage);

  const Options options_;
  Catalog catalog_;
  std::vector<std::shared_ptr<const RandomAccessFile>> files_;
  std::vector<std::string> contents_;
  std::vector<std::string> paths_;  // of files on disk
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_LOAD_RANDOM_CHECKPOINT_H_
