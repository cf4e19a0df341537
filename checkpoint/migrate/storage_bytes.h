#ifndef HOIST_CHECKPOINT_MIGRATE_STORAGE_BYTES_H_
#define HOIST_CHECKPOINT_MIGRATE_STORAGE_BYTES_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/catalog/chunk_reader.h"
#include "hoist/core/compress/inflate.h"
#include "hoist/core/io/random_access_file.h"
#include "hoist/core/thread/mutex.h"

namespace hoist {

// The bytes of a storage as a load would place them: decompressed, and in this
// machine's byte order. Takes no memory in proportion to the storage.
// Thread-safe.
class StorageBytes {
 public:
  // `storage` is valid, and in `file`.
  StorageBytes(std::shared_ptr<const RandomAccessFile> file,
               const StorageEntry& storage);

  const StorageEntry& entry() const { return storage_; }
  const RandomAccessFile& file() const { return *file_; }

  // Fills `out` from byte `offset` of the storage; blocks. The first call reads
  // the whole storage where it has a checksum, and compares that: kDataLoss,
  // then and at every later call, if it differs; chunks are compared one by one
  // as they are read. kDataLoss too for a range that
  // is not inside; others of reading. Compressed bytes that come before those
  // read last are decompressed from the start again, for all readers of the
  // storage in turn. Errors name the storage.
  absl::Status Read(uint64_t offset, absl::Span<uint8_t> out) const;

 private:
  absl::Status ReadUnchecked(uint64_t offset, absl::Span<uint8_t> out) const;
  // As they are in the file, but for compression.
  absl::Status ReadStored(uint64_t offset, absl::Span<uint8_t> out) const;
  absl::Status Inflate(uint64_t offset, absl::Span<uint8_t> out) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(stream_mutex_);
  absl::Status Verify() const;

  const std::shared_ptr<const RandomAccessFile> file_;
  const StorageEntry storage_;

  mutable Mutex verify_mutex_;
  mutable std::optional<absl::Status> verified_ ABSL_GUARDED_BY(verify_mutex_);

  mutable Mutex stream_mutex_;
  mutable std::optional<InflateReader> stream_ ABSL_GUARDED_BY(stream_mutex_);
  mutable uint64_t stream_offset_ ABSL_GUARDED_BY(stream_mutex_) = 0;
  mutable ChunkReader chunks_ ABSL_GUARDED_BY(stream_mutex_){/*verify=*/true};
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_MIGRATE_STORAGE_BYTES_H_
