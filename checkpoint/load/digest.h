#ifndef HOIST_CHECKPOINT_LOAD_DIGEST_H_
#define HOIST_CHECKPOINT_LOAD_DIGEST_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/core/thread/thread_pool.h"

namespace hoist {

// SHA-256 of every tensor's elements, row-major and little-endian, as 64
// hexadecimal digits: the same for equal tensors, whatever file, strides or
// byte order they were stored with. Parallel to catalog.tensors; nullopt for
// a tensor without data. Reads all payload, one storage per thread at a time,
// and verifies its checksums. `files` as Checkpoint::files(); `pool` may be
// null. kResourceExhausted for a tensor that repeats few bytes to more than a
// GiB; other errors as of Load().
absl::StatusOr<std::vector<std::optional<std::string>>> TensorDigests(
    const Catalog& catalog, CatalogFiles files, ThreadPool* pool);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_LOAD_DIGEST_H_
