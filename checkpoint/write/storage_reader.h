#ifndef HOIST_CHECKPOINT_WRITE_STORAGE_READER_H_
#define HOIST_CHECKPOINT_WRITE_STORAGE_READER_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"

namespace hoist {

// Reads storages as they would be in memory, decompressed and in little-endian
// byte order, and holds them against the checksums that the catalog has.
// Thread-safe.
class StorageReader {
 public:
  // Of a catalog that ValidateCatalog() accepts; both must outlive it.
  StorageReader(const Catalog& catalog, CatalogFiles files);
  ~StorageReader();
  StorageReader(const StorageReader&) = delete;
  StorageReader& operator=(const StorageReader&) = delete;

  // Fills `out` with the storage's bytes from `offset_bytes` on; blocks. Whole
  // elements only, where the file has the other byte order. Of a compressed
  // storage, what does not go on where the read before has ended costs as much
  // as reading it from its start. kDataLoss for missing or damaged bytes;
  // kInvalidArgument for what the storage does not have.
  absl::Status Read(int storage, uint64_t offset_bytes,
                    absl::Span<uint8_t> out);

  // For when all is read: kDataLoss, with names, for the first storage whose
  // bytes were read, all of them and each once, and are not those that its
  // checksum was made of.
  absl::Status CompareChecksums() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_WRITE_STORAGE_READER_H_
