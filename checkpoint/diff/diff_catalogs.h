#ifndef HOIST_CHECKPOINT_DIFF_DIFF_CATALOGS_H_
#define HOIST_CHECKPOINT_DIFF_DIFF_CATALOGS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/diff/diff_report.h"
#include "hoist/checkpoint/diff/diff_values.h"

namespace hoist {

struct DiffCatalogsOptions {
  // Compare nothing but tensors: no values, no metadata.
  bool only_tensors = false;
  // Do not take equal elements from checksums that are recorded.
  bool distrust_checksums = false;
};

// What can be told without reading tensors, and what is left to be read.
struct CatalogsDiff {
  DiffReport report;  // of the level kStructure
  // Tensors of one name, shape and dtype that have data, of which nothing is
  // known yet; the report counts them as the same, and as not read.
  std::vector<TensorPair> unknown;
  std::vector<StoragePair> unknown_storages;
};

// Compares tensors by name (those of one name in their order), the other values
// as DiffValues() does, and metadata that users have put there. Where files
// record checksums, these tell which elements are the same, and which tensors
// have only another name. Takes time in proportion to what is in both, but for
// sorting; reads nothing. Errors of DiffValues(). Thread-safe.
absl::StatusOr<CatalogsDiff> DiffCatalogs(
    const Catalog& a, const Catalog& b,
    const DiffCatalogsOptions& options = {});

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_DIFF_DIFF_CATALOGS_H_
