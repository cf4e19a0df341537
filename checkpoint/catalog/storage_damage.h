#ifndef HOIST_CHECKPOINT_CATALOG_STORAGE_DAMAGE_H_
#define HOIST_CHECKPOINT_CATALOG_STORAGE_DAMAGE_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "hoist/checkpoint/catalog/catalog.h"

namespace hoist {

// The kDataLoss of a storage whose bytes have the checksum `found`, and not the
// one that the file records: with the names of file, storage, and the first
// tensor over it. `part` says which of its bytes they are, if not all.
// Thread-safe.
absl::Status StorageDamage(const Catalog& catalog, int storage, uint32_t found,
                           uint32_t recorded, absl::string_view part = "");

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_CATALOG_STORAGE_DAMAGE_H_
