#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/pickle/finish_catalog.h"
#include "hoist/checkpoint/pickle/pickle_machine.h"
#include "hoist/checkpoint/pickle/torch_vocabulary.h"
#include "hoist/checkpoint/scan/dangerous_classes.h"
#include "hoist/core/base/check.h"
#include "hoist/core/tensor/dtype.h"
#include "hoist/tools/ui/catalog_view.h"
#include "hoist/tools/ui/inspect_json.h"
#include "hoist/tools/ui/json_text.h"
#include "hoist/tools/ui/module_repr.h"
#include "hoist/tools/ui/opaque_objects.h"
#include "hoist/tools/ui/plain_entries.h"
#include "hoist/tools/ui/python_repr.h"
#include "hoist/tools/ui/tensor_text.h"
#include "hoist/tools/ui/value_text.h"

namespace hoist {
namespace {

constexpr uint64_t kFileBytes = uint64_t{1} << 20;

// A pickle of torch's, all of whose tensors are over one storage.
absl::StatusOr<Catalog> Read(absl::Span<const uint8_t> bytes) {
  Catalog catalog;
  catalog.files = {{.path = "fuzz", .size_bytes = kFileBytes}};
  catalog.storages = {{.size_bytes = kFileBytes, .name = "data/0"}};
  TorchVocabulary vocabulary(
      [](ValueGraph&, Value id) -> absl::StatusOr<TorchVocabulary::Persistent> {
        const bool has_class = id.kind() == ValueKind::kTuple &&
                               id.size() > 1 &&
                               id[1].kind() == ValueKind::kClass;
        return PickledStorage{.dtype = has_class
                                           ? StorageClassDType(id[1].AsString())
                                                 .value_or(DType::kFloat32)
                                           : DType::kFloat32,
                              .location = "cpu"};
      });
  auto graph = std::make_shared<ValueGraph>();
  const auto read = ReadPickle(bytes, vocabulary, *graph);
  if (!read.ok()) {
    return read.status();
  }
  const absl::Status status =
      FinishCatalog(std::move(graph), read->root, vocabulary, catalog);
  if (!status.ok()) {
    return status;
  }
  return catalog;
}

// What is said to be safe to show: no control characters but the line end.
void CheckSafe(const std::string& text) {
  for (const char c : text) {
    HOIST_CHECK(c == '\n' ||
                (static_cast<unsigned char>(c) >= ' ' && c != 127));
  }
}

}  // namespace
}  // namespace hoist

// Everything that prints a catalog, on what a pickle can make of it.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto catalog = hoist::Read({data, size});
  if (!catalog.ok()) {
    return 0;
  }
  const std::string view =
      hoist::CatalogView(*catalog, "fuzz.pt", catalog->warnings, {});
  HOIST_CHECK(!view.empty() && view.back() == '\n');
  hoist::CheckSafe(view);
  const std::string json =
      hoist::JsonText(hoist::InspectJson(*catalog, "fuzz.pt", nullptr));
  HOIST_CHECK(!json.empty());
  const hoist::Value root = catalog->root();
  hoist::PythonRepr(root);
  hoist::CheckSafe(hoist::ShortValueText(root, 80));
  hoist::FindOpaqueObjects(root);
  hoist::DangerousClasses(*catalog->values);
  for (const hoist::PlainEntry& entry : hoist::PlainEntries(*catalog)) {
    hoist::CheckSafe(entry.name);
    hoist::CheckSafe(entry.text);
  }
  for (const hoist::TensorEntry& tensor : catalog->tensors) {
    hoist::TensorText(tensor, nullptr);
  }
  // The first few of all values by themselves, too.
  const size_t count = std::min<size_t>(catalog->values->size(), 50);
  for (size_t id = 0; id < count; ++id) {
    const hoist::Value value(catalog->values.get(),
                             static_cast<hoist::ValueId>(id));
    hoist::PythonRepr(value);
    if (hoist::IsModule(value)) {
      hoist::CheckSafe(hoist::ModuleRepr(value));
    }
  }
  return 0;
}
