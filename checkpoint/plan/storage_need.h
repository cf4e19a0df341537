#ifndef HOIST_CHECKPOINT_PLAN_STORAGE_NEED_H_
#define HOIST_CHECKPOINT_PLAN_STORAGE_NEED_H_

#include <cstdint>
#include <vector>

#include "hoist/checkpoint/catalog/catalog.h"

namespace hoist {

// The bytes of a storage that a load has use for.
struct StorageNeed {
  int storage = 0;           // index into Catalog::storages
  uint64_t begin_bytes = 0;  // in the storage
  uint64_t size_bytes = 0;
};

// What the tensors of `catalog`, which ValidateCatalog() accepts, need: each
// storage that one is a view of once, in the order of files and offsets. From
// the first to the last byte that some tensor has an element at; the whole
// storage if it is deflated, or if `keep_verifiable`, it has a checksum and at
// least half of it is needed: a checksum is one of all bytes. Whole chunks of
// one that is encoded, or has chunks and is to be verified. Thread-safe.
std::vector<StorageNeed> NeededStorages(const Catalog& catalog,
                                        bool keep_verifiable);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_PLAN_STORAGE_NEED_H_
