#include "hoist/checkpoint/formats/pickle/pickle_reader.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "hoist/checkpoint/formats/pickle/embedded_storages.h"
#include "hoist/checkpoint/pickle/finish_catalog.h"
#include "hoist/checkpoint/pickle/pickle_stream.h"
#include "hoist/checkpoint/pickle/torch_vocabulary.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

constexpr size_t kPieceBytes = size_t{1} << 20;
constexpr char kRunsCode[] =
    "If you trust it (to unpickle it may run any code)";

absl::Status RefusePersistent() {
  return WithHint(
      absl::UnimplementedError(
          "A pickle that refers to storages outside of it, which a bare pickle "
          "has not: the data.pkl of an archive of PyTorch, it seems"),
      "Give Hoist the whole archive (.pt, .pth), not a file unpacked from it");
}

// Whether the pickle names something in `module`.
bool Imports(const ValueGraph& graph, absl::string_view module) {
  for (const auto& [in, name] : graph.class_names()) {
    if (absl::StartsWith(in, module) &&
        (in.size() == module.size() || in[module.size()] == '.')) {
      return true;
    }
  }
  return false;
}

// An error for a pickle that only its writer's own library makes sense of.
// joblib's has arrays between its opcodes: it may have been read, or not.
absl::Status RefuseForeignPickle(const ValueGraph& graph) {
  if (Imports(graph, "joblib.numpy_pickle")) {
    return WithHint(
        absl::UnimplementedError("A file of joblib.dump, not a PyTorch "
                                 "checkpoint: recognised, not read"),
        absl::StrCat(kRunsCode,
                     ", read it with joblib.load, and save its arrays as "
                     "safetensors"));
  }
  return absl::OkStatus();
}

// The same, by the class of the object itself.
absl::Status RefuseForeignObject(const ValueGraph& graph, Value root) {
  const std::string name = root.ClassName();
  if (root.kind() == ValueKind::kOpaque &&
      (absl::StartsWith(name, "sklearn.") ||
       (absl::StartsWith(name, "copyreg.") && Imports(graph, "sklearn")))) {
    return WithHint(
        absl::UnimplementedError("A pickled model of scikit-learn, not a "
                                 "PyTorch checkpoint: recognised, not read"),
        absl::StrCat(kRunsCode,
                     ", read it with scikit-learn of the version that wrote "
                     "it"));
  }
  if (name == "torch.distributed.checkpoint.metadata.Metadata") {
    return WithHint(
        absl::UnimplementedError(
            "The .metadata file of a distributed checkpoint, whose tensors "
            "are in the files beside it"),
        "Name the folder that it lies in, as .metadata");
  }
  return absl::OkStatus();
}

// What pickles behind the first would import, which some programs go on with:
// their names are added to `graph`. Ends at what is no pickle, or after many.
void AddNamesOfRest(PickleStream& stream, ValueGraph& graph) {
  // hoist scan looks at all.
  constexpr int kMaxPickles = 1000;
  for (int i = 0; i < kMaxPickles && stream.left_bytes() > 0; ++i) {
    PlainVocabulary vocabulary;
    ValueGraph rest;
    const bool is_read =
        stream.ReadPickle("A pickle behind the first", vocabulary, rest).ok();
    for (const auto& [module, name] : rest.class_names()) {
      graph.AddClass(module, name);
    }
    if (!is_read) {
      return;
    }
  }
}

}  // namespace

absl::StatusOr<Catalog> ReadBarePickle(const RandomAccessFile& file) {
  Catalog catalog;
  catalog.format = Format::kPickle;
  catalog.files = {{.path = file.path(), .size_bytes = file.size_bytes()}};
  EmbeddedStorages embedded(catalog);
  TorchVocabulary vocabulary(
      [](ValueGraph&, Value) -> absl::StatusOr<TorchVocabulary::Persistent> {
        return RefusePersistent();
      },
      [&embedded](Value bytes) { return embedded.Load(bytes); });
  auto graph = std::make_shared<ValueGraph>();
  PickleStream stream(file, 0, file.size_bytes(), kPieceBytes);
  const auto root = stream.ReadPickle("The pickle", vocabulary, *graph);
  HOIST_RETURN_IF_ERROR(RefuseForeignPickle(*graph));
  HOIST_RETURN_IF_ERROR(root.status());
  HOIST_RETURN_IF_ERROR(RefuseForeignObject(*graph, Value(graph.get(), *root)));
  if (stream.left_bytes() > 0) {
    catalog.warnings.push_back(absl::StrCat(
        stream.left_bytes(), " bytes follow the pickle, at offset ",
        stream.position(), ": pickle.load does not read them either"));
    AddNamesOfRest(stream, *graph);
  }
  HOIST_RETURN_IF_ERROR(
      FinishCatalog(std::move(graph), *root, vocabulary, catalog));
  return catalog;
}

}  // namespace hoist
