#include "hoist/checkpoint/pickle/finish_catalog.h"

#include <cstdint>
#include <utility>
#include <variant>

#include "hoist/checkpoint/pickle/numpy_values.h"
#include "hoist/checkpoint/pickle/old_tensors.h"
#include "hoist/checkpoint/pickle/tensor_names.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {

void ResolveStorageValues(const std::vector<PickledStorage>& storages,
                          ValueGraph& graph) {
  for (size_t id = 0; id < graph.size(); ++id) {
    ValueGraph::Node& node = graph.node(static_cast<ValueId>(id));
    if (node.kind == ValueKind::kStorage) {
      const int64_t index = std::get<int64_t>(node.data);
      node.data = int64_t{storages[static_cast<size_t>(index)].index};
    }
  }
}

absl::Status FinishCatalog(std::shared_ptr<ValueGraph> graph, ValueId root,
                           TorchVocabulary& vocabulary, Catalog& catalog) {
  if (graph->has_opaque()) {
    HOIST_RETURN_IF_ERROR(RebuildOldTensors(*graph, vocabulary));
    HOIST_RETURN_IF_ERROR(RebuildNumpyValues(*graph, vocabulary, catalog));
  }
  catalog.root_id = root;
  HOIST_ASSIGN_OR_RETURN(
      catalog.tensors,
      NameTensors(*graph, root, std::move(vocabulary.tensors())));
  ResolveStorageValues(vocabulary.storages(), *graph);
  catalog.values = std::move(graph);
  return ValidateCatalog(catalog);
}

}  // namespace hoist
