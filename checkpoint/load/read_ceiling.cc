#include "hoist/checkpoint/load/read_ceiling.h"

#include <algorithm>
#include <cstdint>

#include "hoist/checkpoint/load/load_catalog.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

// One tensor of bytes for each file, from the first to the last byte that
// `catalog` has a use for there.
Catalog WholeRanges(const Catalog& catalog) {
  Catalog whole = {.files = catalog.files};
  for (const TensorEntry& tensor : catalog.tensors) {
    if (!tensor.storage) {
      continue;
    }
    const StorageEntry& storage = catalog.storages[*tensor.storage];
    whole.storages.resize(
        std::max(whole.storages.size(), static_cast<size_t>(storage.file) + 1));
    StorageEntry& range = whole.storages[storage.file];
    const uint64_t begin = storage.offset_bytes;
    const uint64_t end = begin + storage.stored_bytes();
    if (range.size_bytes == 0) {
      range = {.file = storage.file,
               .offset_bytes = begin,
               .size_bytes = end - begin};
    } else {
      const uint64_t old_end = range.offset_bytes + range.size_bytes;
      range.offset_bytes = std::min(range.offset_bytes, begin);
      range.size_bytes = std::max(old_end, end) - range.offset_bytes;
    }
  }
  for (size_t i = 0; i < whole.storages.size(); ++i) {
    const auto size = static_cast<int64_t>(whole.storages[i].size_bytes);
    whole.tensors.push_back(
        {.spec = {DType::kUint8, {size}, {1}}, .storage = static_cast<int>(i)});
  }
  return whole;
}

}  // namespace

absl::StatusOr<double> ReadCeiling(const Catalog& catalog, CatalogFiles files,
                                   const LoadOptions& options) {
  LoadOptions plain = {.pool = options.pool,
                       .verify_checksums = false,
                       .read_method = options.read_method,
                       .max_host_bytes = options.max_host_bytes,
                       .cancel = options.cancel};
  HOIST_ASSIGN_OR_RETURN(const LoadResult result,
                         LoadCatalog(WholeRanges(catalog), files, plain));
  return result.report.bytes == 0
             ? 0
             : static_cast<double>(result.report.bytes) * 1e9 /
                   static_cast<double>(result.report.time_ns);
}

}  // namespace hoist
