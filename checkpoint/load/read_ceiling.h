#ifndef HOIST_CHECKPOINT_LOAD_READ_CEILING_H_
#define HOIST_CHECKPOINT_LOAD_READ_CEILING_H_

#include "absl/status/statusor.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/load/load_options.h"

namespace hoist {

// How many bytes a second this machine brings to memory now, of the same part
// of the same files, in the same way and with the same threads as a load of
// `catalog` with `options`, if they are looked at no further: what that load
// could have reached. Reads as much as the load did, takes as much host memory,
// and blocks as long; 0 if there is nothing to read. After a load that found
// part of a file in the page cache it finds more. Errors as of LoadCatalog().
absl::StatusOr<double> ReadCeiling(const Catalog& catalog, CatalogFiles files,
                                   const LoadOptions& options);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_LOAD_READ_CEILING_H_
