#include "hoist/checkpoint/formats/torch_legacy/finish_catalog.h"

#include <cstdint>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "hoist/checkpoint/pickle/old_tensors.h"
#include "hoist/checkpoint/pickle/tensor_names.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

// kStorage values name the vocabulary's storages, and have to name the
// catalog's.
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

}  // namespace

absl::Status FinishCatalog(std::shared_ptr<ValueGraph> graph, ValueId root,
                           TorchVocabulary& vocabulary, Catalog& catalog) {
  HOIST_RETURN_IF_ERROR(RebuildOldTensors(*graph, vocabulary));
  catalog.root_id = root;
  HOIST_ASSIGN_OR_RETURN(catalog.tensors,
                         NameTensors(*graph, root, vocabulary.tensors()));
  ResolveStorageValues(vocabulary.storages(), *graph);
  catalog.values = std::move(graph);
  return ValidateCatalog(catalog);
}

absl::Status WithOldFormatHint(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return status;
    case absl::StatusCode::kDataLoss:
      return WithHint(status,
                      "The file is damaged: download or copy it again, or save "
                      "it again");
    case absl::StatusCode::kPermissionDenied:
      return WithHint(status,
                      "Do not load the file with other tools either, unless "
                      "you trust who made it");
    default:
      return WithHint(status,
                      "Save it again with torch 1.6 or later: "
                      "torch.save(torch.load(path), new_path)");
  }
}

void AddSysInfo(Value sys_info, Catalog& catalog) {
  for (const absl::string_view key : {"protocol_version", "little_endian"}) {
    const auto value = sys_info.Find(key);
    if (value && (value->kind() == ValueKind::kInt ||
                  value->kind() == ValueKind::kBool)) {
      catalog.metadata.emplace_back(key, ValueText(*value));
    }
  }
}

}  // namespace hoist
