#ifndef HOIST_CHECKPOINT_FORMATS_TORCH_ZIP_PICKLED_STORAGES_H_
#define HOIST_CHECKPOINT_FORMATS_TORCH_ZIP_PICKLED_STORAGES_H_

#include <optional>
#include <string>
#include <vector>

#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/pickle/tensor_parts.h"
#include "hoist/checkpoint/plan/storage_need.h"

namespace hoist {

// The storages that a file of torch.save's has beside its pickle.
struct PickledStorages {
  // In the order of their keys, "0" and so on: that of the catalog's files.
  std::vector<StorageNeed> needs;
  // By the index of Catalog::storages.
  std::vector<std::optional<PickledStorageName>> names;
  int tensor_count = 0;
  // Dtypes that not every PyTorch since 1.6 reads: "float8_e5m2 is read by
  // PyTorch 2.1 and later".
  std::vector<std::string> warnings;
};

// Those that the values of `catalog`, from its root on, refer to: of each as
// much as tensors view, or all of it where at least half is viewed and has a
// checksum to be held against. Arrays of numpy's become parts of the pickle.
// Thread-safe.
PickledStorages NamePickledStorages(const Catalog& catalog);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_TORCH_ZIP_PICKLED_STORAGES_H_
