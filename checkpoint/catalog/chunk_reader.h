#ifndef HOIST_CHECKPOINT_CATALOG_CHUNK_READER_H_
#define HOIST_CHECKPOINT_CATALOG_CHUNK_READER_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/core/compress/chunk_codec.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// Reads storages that have chunks, of catalogs that ValidateCatalog() accepts.
// Whole chunks come straight to where they are wanted; one that is wanted in
// part is read whole, and kept for the next part. Takes memory for three
// chunks. Thread-compatible.
class ChunkReader {
 public:
  // Chunks are held against their checksums if `verify`.
  explicit ChunkReader(bool verify) : verify_(verify) {}

  // Fills `out` with what `storage` has from `offset_bytes` on, decoded;
  // blocks. All of it lies in the storage, which lives as long as this.
  // kDataLoss, with the place of the chunk, for damaged or missing bytes.
  absl::Status Read(const RandomAccessFile& file, const StorageEntry& storage,
                    uint64_t offset_bytes, absl::Span<uint8_t> out);

 private:
  absl::Status ReadChunk(const RandomAccessFile& file,
                         const StorageChunk& chunk, absl::Span<uint8_t> out);

  const bool verify_;
  ChunkDecoder decoder_;
  std::vector<uint8_t> stored_;
  std::vector<uint8_t> kept_;
  const StorageChunk* kept_chunk_ = nullptr;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_CATALOG_CHUNK_READER_H_
