#ifndef HOIST_CHECKPOINT_WRITE_STORAGE_READER_H_
#define HOIST_CHECKPOINT_WRITE_STORAGE_READER_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"

namespace hoist {

// Reads storages as they would be in memory: decompressed, and in
// little-endian byte order; and holds them against the checksums that the
// catalog has. Thread-safe.
class StorageReader {
 public:
  // Both must outlive it.
  StorageReader(const Catalog& catalog, CatalogFiles files);
  ~StorageReader();
  StorageReader(const StorageReader&) = delete;
  StorageReader& operator=(const StorageReader&) = delete;

  // Whether parts of it can be read in any order at the same cost. Of one that
  // cannot, each Read() is to start where the one before has ended, or is
  // decompressed from its start.
  bool IsRandomAccess(int storage) const;

  // Fills `out` with the storage's bytes from `offset_bytes` on; blocks.
  // kDataLoss for missing or damaged bytes. Multiples of the storage's
  // swap_bytes only.
  absl::Status Read(int storage, uint64_t offset_bytes,
                    absl::Span<uint8_t> out);

  // kDataLoss, with names, for the first storage that was read as a whole,
  // each byte once, and is not what its checksum was made of. For when all
  // reads are done.
  absl::Status CompareChecksums() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_WRITE_STORAGE_READER_H_
