#include "hoist/checkpoint/load/piece_checksums.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/catalog/storage_damage.h"
#include "hoist/core/hash/crc32.h"
#include "hoist/core/tensor/ops/crc32c.h"

namespace hoist {
namespace {

bool IsAtChunkEnd(const StorageEntry& entry, uint64_t offset_bytes) {
  return offset_bytes == entry.size_bytes ||
         offset_bytes % entry.chunks.front().size_bytes == 0;
}

}  // namespace

bool PieceChecksums::IsVerifiable(const Catalog& catalog,
                                  const LoadPlan::Storage& storage) {
  const StorageNeed& need = storage.need;
  const StorageEntry& entry = catalog.storages[need.storage];
  if (!entry.chunks.empty()) {
    return IsAtChunkEnd(entry, need.begin_bytes) &&
           IsAtChunkEnd(entry, need.begin_bytes + need.size_bytes);
  }
  return entry.crc32 && need.size_bytes == entry.size_bytes;
}

void PieceChecksums::Add(int piece, absl::Span<const uint8_t> bytes) {
  const LoadPlan::Storage& storage =
      plan_.storages[plan_.pieces[piece].storage];
  const StorageEntry& entry = catalog_.storages[storage.need.storage];
  if (IsVerifiable(catalog_, storage) && !entry.encoded_bytes) {
    crcs_[piece] = entry.chunks.empty() ? Crc32(bytes) : Crc32c(bytes);
  }
}

PieceChecksums::Record PieceChecksums::RecordOf(
    const LoadPlan::Piece& piece) const {
  const StorageNeed& need = plan_.storages[piece.storage].need;
  const StorageEntry& entry = catalog_.storages[need.storage];
  if (entry.chunks.empty()) {
    return {.size_bytes = entry.size_bytes, .crc = *entry.crc32};
  }
  const uint64_t chunk_bytes = entry.chunks.front().size_bytes;
  const uint64_t index = (need.begin_bytes + piece.offset_bytes) / chunk_bytes;
  return {.begin_bytes = index * chunk_bytes,
          .size_bytes = entry.chunks[index].size_bytes,
          .crc = entry.chunks[index].crc32c};
}

absl::Status PieceChecksums::Compare() const {
  size_t end = 0;
  for (size_t begin = 0; begin < crcs_.size(); begin = end) {
    const LoadPlan::Storage& storage =
        plan_.storages[plan_.pieces[begin].storage];
    const StorageEntry& entry = catalog_.storages[storage.need.storage];
    end = begin + 1;
    if (!IsVerifiable(catalog_, storage) || entry.encoded_bytes) {
      continue;
    }
    const Record record = RecordOf(plan_.pieces[begin]);
    uint64_t left_bytes = record.size_bytes - plan_.pieces[begin].size_bytes;
    uint32_t crc = crcs_[begin];
    for (; left_bytes > 0; ++end) {
      const uint64_t size_bytes = plan_.pieces[end].size_bytes;
      crc = entry.chunks.empty() ? CombineCrc32(crc, crcs_[end], size_bytes)
                                 : CombineCrc32c(crc, crcs_[end], size_bytes);
      left_bytes -= size_bytes;
    }
    if (crc != record.crc) {
      return Damaged(storage.need, record, crc);
    }
  }
  return absl::OkStatus();
}

absl::Status PieceChecksums::Damaged(const StorageNeed& need,
                                     const Record& record, uint32_t crc) const {
  const StorageEntry& entry = catalog_.storages[need.storage];
  std::string part;
  if (record.size_bytes != entry.size_bytes) {
    part = absl::StrCat("bytes ", record.begin_bytes, " to ",
                        record.begin_bytes + record.size_bytes);
  }
  return StorageDamage(catalog_, need.storage, crc, record.crc, part);
}

}  // namespace hoist
