#ifndef HOIST_CHECKPOINT_CATALOG_STORAGE_DAMAGE_H_
#define HOIST_CHECKPOINT_CATALOG_STORAGE_DAMAGE_H_

#include <cstdint>

#include "absl/status/status.h"
#include "hoist/checkpoint/catalog/catalog.h"

namespace hoist {

// The kDataLoss of a storage whose bytes have the checksum `found`, and not the
// one that the file records: with the names of file, storage, and the first
// tensor over it. Thread-safe.
absl::Status StorageDamage(const Catalog& catalog, int storage, uint32_t found,
                           uint32_t recorded);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_CATALOG_STORAGE_DAMAGE_H_
