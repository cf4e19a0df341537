#include "hoist/checkpoint/formats/torch_zip/names_as_values.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "hoist/checkpoint/catalog/value.h"
#include "hoist/checkpoint/pickle/tensor_parts.h"
#include "hoist/core/tensor/dtype.h"

namespace hoist {
namespace {

// All that makes two tensors the same, but for how they are quantized. A tensor
// that is in several places has an entry for each, and a value with the first
// of them.
using View =
    std::tuple<int, int64_t, DType, std::vector<int64_t>, std::vector<int64_t>>;

View ViewOf(const TensorEntry& tensor) {
  return {tensor.storage.value_or(-1), tensor.storage_offset, tensor.spec.dtype,
          tensor.spec.shape, tensor.spec.strides};
}

// The entry of the tensor that `value` is, if that has one.
std::optional<size_t> EntryOf(Value value) {
  if (value.kind() != ValueKind::kTensor || value.AsIndex() < 0) {
    return std::nullopt;
  }
  return static_cast<size_t>(value.AsIndex());
}

// How the quantized tensors of a catalog are, which their values' states say.
class Quantizers {
 public:
  explicit Quantizers(const Catalog& catalog) : catalog_(catalog) {}

  void Add(Value value);
  bool empty() const { return by_tensor_.empty(); }
  // kNoneId where it is not known.
  ValueId Of(size_t tensor) const;

 private:
  const Catalog& catalog_;
  std::map<size_t, ValueId> by_tensor_;
  // kNoneId for several.
  std::map<View, ValueId> by_view_;
};

void Quantizers::Add(Value value) {
  const std::optional<size_t> index = EntryOf(value);
  if (!index || value.state().kind() == ValueKind::kNone ||
      !IsQuantizedDType(catalog_.tensors[*index].spec.dtype)) {
    return;
  }
  by_tensor_.emplace(*index, value.state().id());
  const auto [known, is_first] = by_view_.try_emplace(
      ViewOf(catalog_.tensors[*index]), value.state().id());
  if (!is_first) {
    known->second = ValueGraph::kNoneId;
  }
}

ValueId Quantizers::Of(size_t tensor) const {
  if (const auto own = by_tensor_.find(tensor); own != by_tensor_.end()) {
    return own->second;
  }
  const auto same = by_view_.find(ViewOf(catalog_.tensors[tensor]));
  return same == by_view_.end() ? ValueGraph::kNoneId : same->second;
}

// The tensors that sparse ones are made of, as composite_tensors.h has them, by
// layout.
const std::vector<std::vector<absl::string_view>>& SparseParts() {
  static const auto* const kParts =
      new std::vector<std::vector<absl::string_view>>{
          {"indices", "values"},
          {"crow_indices", "col_indices", "values"},
          {"ccol_indices", "row_indices", "values"}};
  return *kParts;
}

// The sparse tensors of a catalog, whose entries are those of their parts.
class SparseTensors {
 public:
  explicit SparseTensors(const Catalog& catalog);

  void Add(Value value);
  bool empty() const { return by_parts_.empty(); }
  struct Found {
    std::string name;
    ValueId value = ValueGraph::kNoneId;
    std::vector<std::string> part_names;
    std::vector<size_t> parts;  // the entries that its value refers to
  };
  // The one whose first part has that entry.
  std::optional<Found> StartingWith(const TensorEntry& part) const;

 private:
  const Catalog& catalog_;
  absl::flat_hash_map<absl::string_view, size_t> by_name_;
  // By an index into SparseParts(), and the parts. kNoneId for several.
  std::map<std::pair<size_t, std::vector<View>>, ValueId> by_parts_;
};

SparseTensors::SparseTensors(const Catalog& catalog) : catalog_(catalog) {
  for (size_t i = 0; i < catalog.tensors.size(); ++i) {
    by_name_.emplace(catalog.tensors[i].name, i);
  }
}

void SparseTensors::Add(Value value) {
  if (value.kind() != ValueKind::kOpaque ||
      !absl::StartsWith(value.ClassName(), "torch.sparse_")) {
    return;
  }
  for (size_t layout = 0; layout < SparseParts().size(); ++layout) {
    std::vector<View> views;
    for (const absl::string_view name : SparseParts()[layout]) {
      const std::optional<Value> part = value.state().Find(name);
      const std::optional<size_t> entry = part ? EntryOf(*part) : std::nullopt;
      if (!entry) {
        break;
      }
      views.push_back(ViewOf(catalog_.tensors[*entry]));
    }
    if (views.size() == SparseParts()[layout].size()) {
      const auto [known, is_first] =
          by_parts_.try_emplace({layout, std::move(views)}, value.id());
      if (!is_first) {
        known->second = ValueGraph::kNoneId;
      }
    }
  }
}

std::optional<SparseTensors::Found> SparseTensors::StartingWith(
    const TensorEntry& part) const {
  if (empty()) {
    return std::nullopt;
  }
  for (size_t layout = 0; layout < SparseParts().size(); ++layout) {
    absl::string_view name = part.name;
    if (!absl::ConsumeSuffix(&name, SparseParts()[layout].front()) ||
        !absl::ConsumeSuffix(&name, ".")) {
      continue;
    }
    Found found{.name = std::string(name)};
    std::vector<View> views;
    for (const absl::string_view part_name : SparseParts()[layout]) {
      found.part_names.push_back(absl::StrCat(name, ".", part_name));
      const auto entry = by_name_.find(found.part_names.back());
      if (entry == by_name_.end()) {
        break;
      }
      views.push_back(ViewOf(catalog_.tensors[entry->second]));
    }
    const auto known = by_parts_.find({layout, std::move(views)});
    if (known != by_parts_.end() && known->second != ValueGraph::kNoneId) {
      found.value = known->second;
      const Value value(catalog_.values.get(), found.value);
      for (const absl::string_view part_name : SparseParts()[layout]) {
        found.parts.push_back(*EntryOf(*value.state().Find(part_name)));
      }
      return found;
    }
  }
  return std::nullopt;
}

}  // namespace

Catalog WithNamesAsValues(const Catalog& catalog) {
  Quantizers quantizers(catalog);
  SparseTensors sparse_tensors(catalog);
  const size_t size = catalog.values == nullptr ? 0 : catalog.values->size();
  for (ValueId id = 0; id < size; ++id) {
    const Value value(catalog.values.get(), id);
    quantizers.Add(value);
    sparse_tensors.Add(value);
  }
  auto graph = std::make_shared<ValueGraph>(
      quantizers.empty() && sparse_tensors.empty() ? ValueGraph()
                                                   : catalog.values->Copy());
  Catalog named = catalog;
  std::vector<ValueId> entries;
  // Entries of what is a part of another tensor.
  std::set<std::string> parts;
  for (size_t i = 0; i < catalog.tensors.size(); ++i) {
    const TensorEntry& tensor = catalog.tensors[i];
    if (!tensor.is_persistent || parts.contains(tensor.name)) {
      continue;
    }
    if (auto sparse = sparse_tensors.StartingWith(tensor)) {
      parts.insert(sparse->part_names.begin(), sparse->part_names.end());
      entries.push_back(graph->AddString(sparse->name));
      entries.push_back(sparse->value);
      // A state dict has none that do, and torch refuses to make some of them.
      for (const size_t part : sparse->parts) {
        named.tensors[part].requires_grad = false;
      }
      continue;
    }
    const ValueId quantizer = quantizers.Of(i);
    if (quantizer != ValueGraph::kNoneId) {
      parts.insert(absl::StrCat(tensor.name, ".scales"));
      parts.insert(absl::StrCat(tensor.name, ".zero_points"));
    }
    entries.push_back(graph->AddString(tensor.name));
    entries.push_back(graph->Add({.kind = ValueKind::kTensor,
                                  .state = quantizer,
                                  .data = static_cast<int64_t>(i)}));
  }
  named.root_id = graph->AddItems(
      ValueKind::kDict, entries, graph->AddClass("collections", "OrderedDict"));
  named.values = std::move(graph);
  return named;
}

}  // namespace hoist
