#ifndef HOIST_CHECKPOINT_FORMATS_PICKLE_EMBEDDED_STORAGES_H_
#define HOIST_CHECKPOINT_FORMATS_PICKLE_EMBEDDED_STORAGES_H_

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/pickle/torch_vocabulary.h"

namespace hoist {

// Storages that a plain pickle holds, each as the bytes of a legacy file
// (torch.storage._load_from_bytes; spec: pytorch-formats.md 3.6, function 15).
// Thread-compatible.
class EmbeddedStorages {
 public:
  // `catalog` gets the storages, and for each a file of its content. It must
  // outlive this, and have the file that the pickle is in.
  explicit EmbeddedStorages(Catalog& catalog) : catalog_(catalog) {}

  // The storage in a kBytes or kString value; the same one for the same value.
  // Errors are ReadLegacyStorage()'s.
  absl::StatusOr<PickledStorage> Load(Value bytes);

 private:
  Catalog& catalog_;
  absl::flat_hash_map<ValueId, PickledStorage> known_;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_PICKLE_EMBEDDED_STORAGES_H_
