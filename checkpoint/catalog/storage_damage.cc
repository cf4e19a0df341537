#include "hoist/checkpoint/catalog/storage_damage.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "hoist/core/status/annotate.h"

namespace hoist {
absl::Status StorageDamage(const Catalog& catalog, int storage, uint32_t found,
                           uint32_t recorded, absl::string_view part) {
  const StorageEntry& entry = catalog.storages[storage];
  return WithHint(
      absl::DataLossError(absl::StrFormat(
          "%s: %s%s%s is damaged: its checksum is %08x, and %08x is recorded",
          catalog.files[entry.file].path, entry.name,
          TensorOver(catalog, storage),
          part.empty() ? "" : absl::StrCat(", ", part, ","), found, recorded)),
      "The file has changed since it was written; get it again, or take "
      "another checkpoint");
}

}  // namespace hoist
