#ifndef HOIST_CHECKPOINT_LOAD_STORAGE_LOADER_H_
#define HOIST_CHECKPOINT_LOAD_STORAGE_LOADER_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/load/storage_sink.h"
#include "hoist/core/io/random_access_file.h"
#include "hoist/core/thread/thread_pool.h"

namespace hoist {

// The files of a catalog, parallel to Catalog::files.
using CatalogFiles = absl::Span<const std::shared_ptr<const RandomAccessFile>>;

// Time that threads spent, summed over them.
struct LoadTimes {
  int64_t read_ns = 0;
  int64_t verify_ns = 0;
  int64_t convert_ns = 0;
  int64_t place_ns = 0;  // waiting for the sink, and handing chunks to it
  int thread_count = 1;
};

// Reads `storages` chunk by chunk into `sink` on the threads of `pool` (may be
// null) and the caller's, and blocks until they are there. A compressed storage
// is read by one thread. Compares checksums
// where the catalog has them, if `verify`; then reverses byte order where that
// is asked for. Returns the first error: of reading, of the sink, or kDataLoss
// with the storage's name for bytes that do not match their checksum.
absl::StatusOr<LoadTimes> LoadStorages(const Catalog& catalog,
                                       CatalogFiles files,
                                       absl::Span<const int> storages,
                                       bool verify, ThreadPool* pool,
                                       StorageSink& sink);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_LOAD_STORAGE_LOADER_H_
