#ifndef HOIST_CHECKPOINT_LOAD_LOAD_CATALOG_H_
#define HOIST_CHECKPOINT_LOAD_LOAD_CATALOG_H_

#include "absl/status/statusor.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/load/load_options.h"
#include "hoist/checkpoint/load/load_result.h"

namespace hoist {

// Load() of checkpoint.h, for a catalog that ValidateCatalog() accepts and its
// files. The report lacks what was before: opening.
absl::StatusOr<LoadResult> LoadCatalog(const Catalog& catalog,
                                       CatalogFiles files,
                                       const LoadOptions& options);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_LOAD_LOAD_CATALOG_H_
