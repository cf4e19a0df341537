#ifndef HOIST_CHECKPOINT_CATALOG_USER_METADATA_H_
#define HOIST_CHECKPOINT_CATALOG_USER_METADATA_H_

#include <string>
#include <utility>
#include <vector>

#include "hoist/checkpoint/catalog/catalog.h"

namespace hoist {

// What of a catalog's metadata a user has put there, and a writer is to keep:
// of each key the first value. That of PyTorch's formats says how the file was
// written, and so does what torch.distributed.checkpoint puts into safetensors
// files; what Hoist's own adds ("hoist.digest") is made anew. Thread-safe.
std::vector<std::pair<std::string, std::string>> UserMetadata(
    const Catalog& catalog);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_CATALOG_USER_METADATA_H_
