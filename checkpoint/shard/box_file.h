#ifndef HOIST_CHECKPOINT_SHARD_BOX_FILE_H_
#define HOIST_CHECKPOINT_SHARD_BOX_FILE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/shard/box_layout.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// Parts of tensors of one file, each as if its elements lay one behind the
// other, as a file that is nowhere: whoever reads bytes of it has the runs read
// that they are. Runs that lie up to `max_gap_bytes` apart are read together,
// with what is between them, which is read and left; so what is read is at most
// what is needed and that for each run, and, of storages in chunks, the whole
// chunks that it is in. Takes no memory in proportion to the parts.
// Thread-safe, but for AddBox().
class BoxFile : public RandomAccessFile {
 public:
  // Parts begin at multiples of this, with zeros before them.
  static constexpr uint64_t kAlignmentBytes = 64;

  // Chunks are held against their checksums if `verify`.
  BoxFile(std::shared_ptr<const RandomAccessFile> file, uint64_t max_gap_bytes,
          bool verify);

  // A part of a tensor over `storage`, which is in the file, and not deflated;
  // returns where it begins. Before the first read.
  uint64_t AddBox(const StorageEntry& storage, BoxLayout layout);

  const std::string& path() const override { return name_; }
  uint64_t size_bytes() const override { return size_bytes_; }
  absl::Status ReadAt(uint64_t offset, absl::Span<uint8_t> out) const override;
  absl::Status ReadScattered(
      uint64_t offset,
      absl::Span<const absl::Span<uint8_t>> parts) const override;
  absl::Status CheckUnchanged() const override {
    return file_->CheckUnchanged();
  }

  // So far: bytes of parts that were read, bytes of the file that this took,
  // and in how many reads of it.
  uint64_t served_bytes() const { return served_bytes_; }
  // Zeros before parts, which are in no file.
  uint64_t padding_bytes() const { return padding_bytes_; }
  uint64_t read_bytes() const { return read_bytes_; }
  int64_t read_count() const { return read_count_; }
  // The same in whole pages of 4096 bytes, which a disk is read by: of each
  // read by itself.
  uint64_t page_bytes() const { return page_bytes_; }

 private:
  struct Box {
    uint64_t begin_bytes = 0;  // in this file
    BoxLayout layout;
    uint64_t storage_offset_bytes = 0;
    // Set for a storage in chunks.
    std::unique_ptr<const StorageEntry> chunked;
  };
  class Reader;

  absl::Status ReadParts(uint64_t offset,
                         absl::Span<const absl::Span<uint8_t>> parts,
                         Reader& reader) const;

  const std::shared_ptr<const RandomAccessFile> file_;
  const uint64_t max_gap_bytes_;
  const bool verify_;
  const std::string name_;
  std::vector<Box> boxes_;
  uint64_t size_bytes_ = 0;
  mutable std::atomic<uint64_t> served_bytes_ = 0;
  mutable std::atomic<uint64_t> padding_bytes_ = 0;
  mutable std::atomic<uint64_t> read_bytes_ = 0;
  mutable std::atomic<uint64_t> page_bytes_ = 0;
  mutable std::atomic<int64_t> read_count_ = 0;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_SHARD_BOX_FILE_H_
