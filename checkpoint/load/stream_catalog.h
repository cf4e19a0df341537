#ifndef HOIST_CHECKPOINT_LOAD_STREAM_CATALOG_H_
#define HOIST_CHECKPOINT_LOAD_STREAM_CATALOG_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/load/load_options.h"
#include "hoist/checkpoint/load/load_result.h"
#include "hoist/checkpoint/load/storage_sink.h"

namespace hoist {

struct StreamLimits {
  // The most memory for what is being read.
  uint64_t max_bytes = 0;
  // What of that the sink takes while it has bytes of one thread: in Take().
  uint64_t sink_bytes_of_thread = 0;
};

// Reads what the tensors of a catalog that ValidateCatalog() accepts need, as
// LoadCatalog() does, but hands it to `sink`, each byte once, and keeps none.
// The memory that this takes is that of the limits at most: reads are smaller
// and fewer where that is little. If it is less than 1.5 MiB, and three chunks
// of a storage that is encoded, and the sink's for one thread, then it is what
// it takes to read at all. LoadReport::peak_host_bytes says how much.
//
// Of `options`, `pool`, `verify_checksums`, `read_method`, `max_host_bytes`,
// `cancel`, `trace` and `on_progress` are looked at; files that are mapped are
// copied from. Blocks. Errors are those of LoadCatalog() and of the sink, which
// may have taken some bytes by then: also kDataLoss, for damage and for files
// that have changed meanwhile.
absl::StatusOr<LoadReport> StreamCatalog(const Catalog& catalog,
                                         CatalogFiles files,
                                         const LoadOptions& options,
                                         const StreamLimits& limits,
                                         StorageSink& sink);

// How many bytes that would bring: `all_bytes` of LoadOptions::on_progress.
uint64_t StreamedBytes(const Catalog& catalog, const LoadOptions& options);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_LOAD_STREAM_CATALOG_H_
