#ifndef HOIST_CHECKPOINT_PICKLE_FINISH_CATALOG_H_
#define HOIST_CHECKPOINT_PICKLE_FINISH_CATALOG_H_

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/pickle/torch_vocabulary.h"

namespace hoist {

// What readers of pickled formats do last: fills in tensors and values of
// `catalog`, whose files and storages are there, from the pickle that
// `vocabulary` read into `graph`, taking that's tensors, and validates it.
// Errors are those of RebuildOldTensors(), RebuildNumpyValues(), NameTensors()
// and ValidateCatalog(). Thread-compatible.
absl::Status FinishCatalog(std::shared_ptr<ValueGraph> graph, ValueId root,
                           TorchVocabulary& vocabulary, Catalog& catalog);

// Makes kStorage values, which index `storages`, index the catalog's. Storages
// of which no tensor is listed are not part of the catalog's tensors; values go
// on to name them. Thread-compatible.
void ResolveStorageValues(const std::vector<PickledStorage>& storages,
                          ValueGraph& graph);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_PICKLE_FINISH_CATALOG_H_
