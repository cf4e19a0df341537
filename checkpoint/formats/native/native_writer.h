#ifndef HOIST_CHECKPOINT_FORMATS_NATIVE_NATIVE_WRITER_H_
#define HOIST_CHECKPOINT_FORMATS_NATIVE_NATIVE_WRITER_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/formats/native/native_layout.h"
#include "hoist/checkpoint/write/write_options.h"
#include "hoist/core/io/file_system.h"

namespace hoist {

// Writes Hoist's own format (FORMAT.md) as WriteCheckpoint() says: one file,
// or, with WriteOptions::max_shard_bytes and more than that, a directory of
// shards and their index, which is written last. The same bytes for the same
// checkpoint and options, whatever the number of threads. kInvalidArgument for
// a version that there is not, and for compression in version 1. `chunk_bytes`
// is a power of two, kMinChunkBytes to kMaxEncodedChunkBytes.
absl::StatusOr<WriteReport> WriteNative(
    const Catalog& catalog, CatalogFiles files, FileSystem& file_system,
    const std::string& path, const WriteOptions& options,
    uint32_t chunk_bytes = kNativeChunkBytes);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_NATIVE_NATIVE_WRITER_H_
