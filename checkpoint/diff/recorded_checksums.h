#ifndef HOIST_CHECKPOINT_DIFF_RECORDED_CHECKSUMS_H_
#define HOIST_CHECKPOINT_DIFF_RECORDED_CHECKSUMS_H_

#include <cstdint>
#include <optional>

#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"

namespace hoist {

// The checksum that a file records of all bytes of a storage, or one made from
// those of its chunks: equal bytes have equal ones of a kind.
struct RecordedChecksum {
  enum class Kind { kCrc32, kCrc32c };
  Kind kind = Kind::kCrc32;
  uint32_t crc = 0;
  uint64_t size_bytes = 0;
  int swap_bytes = 1;  // in which order they are in the file

  friend bool operator==(const RecordedChecksum&,
                         const RecordedChecksum&) = default;
  template <typename H>
  friend H AbslHashValue(H state, const RecordedChecksum& checksum) {
    return H::combine(std::move(state), checksum.kind, checksum.crc,
                      checksum.size_bytes, checksum.swap_bytes);
  }
};

// nullopt where the file records none. Thread-safe, like all here.
std::optional<RecordedChecksum> ChecksumOf(const StorageEntry& storage);

// Whether `tensor` has all bytes of its storage, which `catalog` has, in the
// order of its elements: then others with that checksum have the same ones.
bool HasWholeStorage(const Catalog& catalog, const TensorEntry& tensor);

// What recorded checksums tell of the elements of two tensors of the same dtype
// and shape, each of which has a storage: that they are the same, or not;
// nullopt where they tell nothing. Equal checksums of other bytes happen by
// chance once in four billion times.
std::optional<bool> SameByChecksums(const Catalog& catalog_a,
                                    const TensorEntry& a,
                                    const Catalog& catalog_b,
                                    const TensorEntry& b);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_DIFF_RECORDED_CHECKSUMS_H_
