#include "hoist/checkpoint/load/piece_checksums.h"

#include "hoist/checkpoint/catalog/storage_damage.h"
#include "hoist/core/hash/crc32.h"

namespace hoist {

bool PieceChecksums::IsVerifiable(const Catalog& catalog,
                                  const LoadPlan::Storage& storage) {
  const StorageEntry& entry = catalog.storages[storage.need.storage];
  return entry.crc32 && storage.need.size_bytes == entry.size_bytes;
}

void PieceChecksums::Add(int piece, absl::Span<const uint8_t> bytes) {
  if (IsVerifiable(catalog_, plan_.storages[plan_.pieces[piece].storage])) {
    crcs_[piece] = Crc32(bytes);
  }
}

absl::Status PieceChecksums::Compare() const {
  size_t end = 0;
  for (size_t begin = 0; begin < crcs_.size(); begin = end) {
    const int index = plan_.pieces[begin].storage;
    uint32_t crc = crcs_[begin];
    for (end = begin + 1;
         end < crcs_.size() && plan_.pieces[end].storage == index; ++end) {
      crc = CombineCrc32(crc, crcs_[end], plan_.pieces[end].size_bytes);
    }
    const LoadPlan::Storage& storage = plan_.storages[index];
    const StorageEntry& entry = catalog_.storages[storage.need.storage];
    if (IsVerifiable(catalog_, storage) && crc != *entry.crc32) {
      return StorageDamage(catalog_, storage.need.storage, crc, *entry.crc32);
    }
  }
  return absl::OkStatus();
}

}  // namespace hoist
