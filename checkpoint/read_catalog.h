#ifndef HOIST_CHECKPOINT_READ_CATALOG_H_
#define HOIST_CHECKPOINT_READ_CATALOG_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/core/io/random_access_file.h"
#include "hoist/core/thread/thread_pool.h"

namespace hoist {

// Finds out by content what `file` is, and reads its structure; blocks. `pool`
// may be null. Errors as of Checkpoint::Open(), without the path. Thread-safe.
absl::StatusOr<Catalog> ReadCatalog(const RandomAccessFile& file,
                                    ThreadPool* pool);

// The open files of a catalog whose first is `file`: that, and those whose
// content the catalog has.
std::vector<std::shared_ptr<const RandomAccessFile>> FilesOf(
    const Catalog& catalog, std::shared_ptr<const RandomAccessFile> file);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_READ_CATALOG_H_
