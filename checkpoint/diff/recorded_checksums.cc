#include "hoist/checkpoint/diff/recorded_checksums.h"

#include "hoist/core/tensor/ops/crc32c.h"
#include "hoist/core/tensor/tensor_spec.h"

namespace hoist {
namespace {

// Whether the same storage bytes give the same elements.
bool IsSameView(const TensorEntry& a, const TensorEntry& b) {
  if (a.is_conjugate != b.is_conjugate || a.is_negative != b.is_negative ||
      a.storage_offset != b.storage_offset) {
    return false;
  }
  return a.spec.strides == b.spec.strides ||
         (IsContiguous(a.spec) && IsContiguous(b.spec));
}

}  // namespace

std::optional<RecordedChecksum> ChecksumOf(const StorageEntry& storage) {
  using Kind = RecordedChecksum::Kind;
  if (storage.crc32) {
    return RecordedChecksum{Kind::kCrc32, *storage.crc32, storage.size_bytes,
                            storage.swap_bytes};
  }
  if (storage.chunks.empty()) {
    return std::nullopt;
  }
  uint32_t crc = 0;
  bool is_first = true;
  for (const StorageChunk& chunk : storage.chunks) {
    crc = is_first ? chunk.crc32c
                   : CombineCrc32c(crc, chunk.crc32c, chunk.size_bytes);
    is_first = false;
  }
  return RecordedChecksum{Kind::kCrc32c, crc, storage.size_bytes,
                          storage.swap_bytes};
}

bool HasWholeStorage(const Catalog& catalog, const TensorEntry& tensor) {
  const auto bytes = LogicalBytes(tensor.spec);
  return tensor.storage && tensor.storage_offset == 0 && bytes.ok() &&
         static_cast<uint64_t>(*bytes) ==
             catalog.storages[*tensor.storage].size_bytes &&
         IsContiguous(tensor.spec);
}

std::optional<bool> SameByChecksums(const Catalog& catalog_a,
                                    const TensorEntry& a,
                                    const Catalog& catalog_b,
                                    const TensorEntry& b) {
  if (!IsSameView(a, b)) {
    return std::nullopt;
  }
  const auto checksum_a = ChecksumOf(catalog_a.storages[*a.storage]);
  const auto checksum_b = ChecksumOf(catalog_b.storages[*b.storage]);
  if (!checksum_a || !checksum_b) {
    return std::nullopt;
  }
  if (*checksum_a == *checksum_b) {
    return true;
  }
  // Others of one kind over as many bytes are of other bytes.
  const bool is_comparable = checksum_a->kind == checksum_b->kind &&
                             checksum_a->swap_bytes == checksum_b->swap_bytes;
  if (is_comparable && HasWholeStorage(catalog_a, a) &&
      HasWholeStorage(catalog_b, b)) {
    return false;
  }
  return std::nullopt;
}

}  // namespace hoist
