#ifndef HOIST_CHECKPOINT_MIGRATE_CHECKPOINT_PARTS_H_
#define HOIST_CHECKPOINT_MIGRATE_CHECKPOINT_PARTS_H_

#include <memory>
#include <vector>

#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// What a checkpoint consists of, as a value to be changed: no payload is in it.
struct CheckpointParts {
  Catalog catalog;
  // Parallel to catalog.files.
  std::vector<std::shared_ptr<const RandomAccessFile>> files;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_MIGRATE_CHECKPOINT_PARTS_H_
