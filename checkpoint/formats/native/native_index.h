#ifndef HOIST_CHECKPOINT_FORMATS_NATIVE_NATIVE_INDEX_H_
#define HOIST_CHECKPOINT_FORMATS_NATIVE_NATIVE_INDEX_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"

namespace hoist {

// The index of a file in Hoist's own format: FORMAT.md, "The index".
// Thread-safe, like all here.

// A file that storages of an index are in, beside the index's own.
struct NativeShard {
  std::string name;  // in the same directory
  uint64_t file_bytes = 0;
  uint32_t footer_crc32c = 0;  // of its footer, which has those of all else
};

struct NativeIndex {
  uint32_t chunk_bytes = 0;
  // StorageEntry::file is 0 for the index's own file, and i + 1 for shard i.
  // Files, format and version are for who has read them. The metadata has the
  // digest at its end.
  Catalog catalog;
  std::vector<NativeShard> shards;
};

// What names the digest in Catalog::metadata. Keys that begin as it does are
// in no index.
inline constexpr absl::string_view kNativeDigestKey = "hoist.digest";
inline constexpr absl::string_view kNativeReservedKeys = "hoist.";

// The index as bytes, for container `version`, with its digest. Files, format,
// warnings and reserved keys of the catalog stay out. kInvalidArgument for
// what the format cannot hold: texts of 4 GiB, 65,536 dimensions, an index
// that is too large.
absl::StatusOr<std::vector<uint8_t>> SerializeNativeIndex(
    const NativeIndex& index, int version);

// Reads what the footer has shown to be an index, of container `version`.
// kDataLoss for one that is wrong in itself; whether storages lie in their
// files is for ValidateCatalog(). The digest is held against what it is made
// of.
absl::StatusOr<NativeIndex> ParseNativeIndex(absl::Span<const uint8_t> bytes,
                                             int version);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_NATIVE_NATIVE_INDEX_H_
