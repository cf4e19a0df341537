#include "hoist/checkpoint/migrate/catalog_editor.h"

#include <algorithm>
#include <variant>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/migrate/module_moves.h"
#include "hoist/checkpoint/pickle/tensor_parts.h"
#include "hoist/core/io/memory_file.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

constexpr size_t kCacheBytes = size_t{64} << 20;
constexpr absl::string_view kMetadata = "_metadata";

// Equal texts: the same elements of the same storage.
std::string ViewText(const TensorEntry& tensor) {
  return absl::StrCat(tensor.storage.value_or(-1), " ", tensor.storage_offset,
                      " ", DTypeName(tensor.spec.dtype), " ",
                      ShapeString(tensor.spec.shape), " ",
                      ShapeString(tensor.spec.strides), " ",
                      tensor.is_conjugate, tensor.is_negative);
}

// The same as for ViewText().
bool IsSameView(const TensorEntry& a, const TensorEntry& b) {
  return a.storage == b.storage && a.storage_offset == b.storage_offset &&
         a.spec.dtype == b.spec.dtype && a.spec.shape == b.spec.shape &&
         a.spec.strides == b.spec.strides && a.is_conjugate == b.is_conjugate &&
         a.is_negative == b.is_negative;
}

// Whether the values hold the tensors under their names.
bool IsInStep(const std::vector<TensorEntry>& named,
              const std::vector<TensorEntry>& tensors) {
  return std::equal(named.begin(), named.end(), tensors.begin(), tensors.end(),
                    [](const TensorEntry& a, const TensorEntry& b) {
                      return a.name == b.name && IsSameView(a, b);
                    });
}

// Has a dict of all its tensors, by their names, for what `catalog` had.
std::shared_ptr<ValueGraph> MakeFlat(Catalog& catalog) {
  auto graph = std::make_shared<ValueGraph>();
  std::vector<ValueId> items;
  for (size_t i = 0; i < catalog.tensors.size(); ++i) {
    items.push_back(graph->AddString(catalog.tensors[i].name));
    items.push_back(graph->Add(
        {.kind = ValueKind::kTensor, .data = static_cast<int64_t>(i)}));
  }
  catalog.root_id = graph->AddItems(ValueKind::kDict, items);
  if (catalog.values != nullptr) {
    catalog.warnings.push_back(
        "Only the tensors are kept of what is in the checkpoint, by their "
        "names");
  }
  return graph;
}

// `tensor` with the elements that were made of it.
TensorEntry OverDerived(TensorEntry tensor, const TensorEntry& made) {
  tensor.spec = made.spec;
  tensor.storage = made.storage;
  tensor.storage_offset = 0;
  tensor.requires_grad =
      tensor.requires_grad &&
      (IsFloatingPoint(made.spec.dtype) || IsComplex(made.spec.dtype));
  return tensor;
}

// A value that indexes no tensor of the catalog must not be found again.
bool HasEveryIndex(const ValueGraph& graph, const Catalog& catalog) {
  const auto count = static_cast<int64_t>(catalog.tensors.size());
  for (size_t id = 0; id < graph.size(); ++id) {
    const ValueGraph::Node& node = graph.node(static_cast<ValueId>(id));
    if (node.kind == ValueKind::kTensor &&
        std::get<int64_t>(node.data) >= count) {
      return false;
    }
  }
  return true;
}

}  // namespace

absl::StatusOr<std::unique_ptr<CatalogEditor>> CatalogEditor::Create(
    CheckpointParts parts) {
  Catalog& catalog = parts.catalog;
  auto graph = std::make_shared<ValueGraph>(
      catalog.values != nullptr ? catalog.values->Copy() : ValueGraph());
  std::vector<ValuePlace> places;
  bool is_in_step = HasEveryIndex(*graph, catalog);
  if (is_in_step) {
    // Those that have no entry are not reached by names.
    HOIST_ASSIGN_OR_RETURN(
        const std::vector<TensorEntry> named,
        NameTensors(*graph, catalog.root_id, catalog.tensors, {}, &places));
    is_in_step = IsInStep(named, catalog.tensors);
  }
  if (!is_in_step) {
    graph = MakeFlat(catalog);
    places.clear();
    for (size_t i = 0; i < catalog.tensors.size(); ++i) {
      places.push_back({catalog.root_id, 2 * i + 1});
    }
  }
  std::unique_ptr<CatalogEditor> editor(
      new CatalogEditor(std::move(parts), std::move(graph)));
  editor->cache_ = std::make_shared<BlockCache>(kCacheBytes);
  for (size_t i = 0; i < editor->catalog().tensors.size(); ++i) {
    const TensorEntry& tensor = editor->catalog().tensors[i];
    editor->slots_.push_back({.entry = tensor,
                              .place = places[i],
                              .first_name = tensor.name,
                              .node = editor->NodeAt(places[i]),
                              .is_original = true});
  }
  editor->FindDicts();
  editor->AddValueSlots();
  return editor;
}

ValueId CatalogEditor::NodeAt(ValuePlace place) const {
  if (place.holder == ValueGraph::kNoneId) {
    return parts_.catalog.root_id;
  }
  return std::get<ValueGraph::Items>(
      graph_->node(place.holder).data)[place.item];
}

void CatalogEditor::FindDicts() {
  // Dicts that contain themselves are met once.
  absl::flat_hash_set<ValueId> met;
  std::vector<Dict> open = {{parts_.catalog.root_id, ""}};
  while (!open.empty()) {
    const Dict next = std::move(open.back());
    open.pop_back();
    const Value value = At(next.id);
    const bool is_list =
        value.kind() == ValueKind::kList || value.kind() == ValueKind::kTuple;
    if ((value.kind() != ValueKind::kDict && !is_list) ||
        !met.insert(next.id).second) {
      continue;
    }
    if (!is_list) {
      dict_index_.emplace(next.id, dicts_.size());
      dicts_.push_back(next);
    }
    for (size_t i = 0; i < value.size(); ++i) {
      if (!is_list && value.key(i).kind() != ValueKind::kString) {
        continue;
      }
      const Value child = is_list ? value[i] : value.value(i);
      if (child.kind() == ValueKind::kDict ||
          child.kind() == ValueKind::kList ||
          child.kind() == ValueKind::kTuple) {
        const std::string key =
            is_list ? absl::StrCat(i) : std::string(value.key(i).AsString());
        open.push_back({child.id(), absl::StrCat(next.prefix, key, ".")});
      }
    }
  }
}

void CatalogEditor::AddValueSlots() {
  for (const Dict& dict : dicts_) {
    const Value value = At(dict.id);
    if (!value.state().Find(kMetadata)) {
      continue;
    }
    for (size_t i = 0; i < value.size(); ++i) {
      const ValueKind kind = value.value(i).kind();
      if (value.key(i).kind() != ValueKind::kString ||
          kind == ValueKind::kTensor) {
        continue;
      }
      // Names inside it would have to be changed with it.
      const std::string name =
          absl::StrCat(dict.prefix, value.key(i).AsString());
      const std::string inside = name + ".";
      if (std::any_of(slots_.begin(), slots_.end(), [&](const Slot& slot) {
            return absl::StartsWith(slot.entry.name, inside) &&
                   slot.place->holder != dict.id;
          })) {
        continue;
      }
      slots_.push_back({.entry = {.name = name},
                        .place = ValuePlace{dict.id, 2 * i + 1},
                        .first_name = name,
                        .node = value.value(i).id(),
                        .is_original = true,
                        .is_value = true});
    }
  }
}

const CatalogEditor::Dict* CatalogEditor::FindDict(ValueId id) const {
  const auto found = dict_index_.find(id);
  return found == dict_index_.end() ? nullptr : &dicts_[found->second];
}

std::vector<size_t> CatalogEditor::Live(bool is_value) const {
  std::vector<size_t> live;
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].is_live && slots_[i].is_value == is_value) {
      live.push_back(i);
    }
  }
  return live;
}

std::vector<CatalogEditor::StateDict> CatalogEditor::StateDicts() const {
  absl::flat_hash_map<ValueId, std::vector<size_t>> tensors;
  for (const size_t i : Tensors()) {
    if (slots_[i].place) {
      tensors[slots_[i].place->holder].push_back(i);
    }
  }
  absl::flat_hash_map<ValueId, std::vector<size_t>> of_values;
  for (const size_t i : Values()) {
    if (slots_[i].place) {
      of_values[slots_[i].place->holder].push_back(i);
    }
  }
  std::vector<StateDict> found;
  for (const Dict& dict : dicts_) {
    const auto of_dict = tensors.find(dict.id);
    if (of_dict == tensors.end()) {
      continue;
    }
    StateDict state_dict{.id = dict.id,
                         .prefix = dict.prefix,
                         .tensors = std::move(of_dict->second)};
    for (const size_t i : state_dict.tensors) {
      state_dict.keys.push_back(KeyOf(slots_[i]).value_or(""));
    }
    for (const size_t i : of_values[dict.id]) {
      state_dict.values.push_back(i);
      state_dict.value_keys.push_back(KeyOf(slots_[i]).value_or(""));
    }
    const auto metadata = At(dict.id).state().Find(kMetadata);
    state_dict.has_metadata = metadata && metadata->kind() == ValueKind::kDict;
    for (size_t i = 0; state_dict.has_metadata && i < metadata->size(); ++i) {
      const auto version = metadata->value(i).Find("version");
      if (metadata->key(i).kind() == ValueKind::kString && version &&
          version->kind() == ValueKind::kInt) {
        state_dict.versions[metadata->key(i).AsString()] = version->AsInt();
      }
    }
    found.push_back(std::move(state_dict));
  }
  return found;
}

void CatalogEditor::Rename(size_t index, std::string name) {
  slots_[index].entry.name = std::move(name);
}

void CatalogEditor::Drop(size_t index) { slots_[index].is_live = false; }

void CatalogEditor::Replace(size_t index, TensorEntry view) {
  view.name = slots_[index].entry.name;
  slots_[index].entry = std::move(view);
  slots_[index].is_changed = true;
}

size_t CatalogEditor::AddBeside(size_t beside, TensorEntry tensor) {
  const Slot& neighbour = slots_[beside];
  Slot slot{.entry = std::move(tensor),
            .place = neighbour.place,
            .first_name = neighbour.first_name,
            .is_changed = true};
  slots_.push_back(std::move(slot));
  return slots_.size() - 1;
}

size_t CatalogEditor::Add(TensorEntry tensor) {
  slots_.push_back({.entry = std::move(tensor), .is_changed = true});
  return slots_.size() - 1;
}

size_t CatalogEditor::AddValue(std::string name, ValueId value) {
  slots_.push_back(
      {.entry = {.name = std::move(name)}, .node = value, .is_value = true});
  return slots_.size() - 1;
}

void CatalogEditor::SetVersion(ValueId state_dict, std::string module,
                               int64_t version) {
  versions_.push_back({state_dict, std::move(module), version});
}

absl::StatusOr<TensorEntry> CatalogEditor::AddDerived(
    const std::string& name, const DerivedTensor& derived) {
  HOIST_ASSIGN_OR_RETURN(TensorSpec spec, DerivedSpec(derived));
  HOIST_ASSIGN_OR_RETURN(auto file, DerivedFile::Create(name, derived, cache_));
  Catalog& catalog = parts_.catalog;
  const uint64_t size_bytes = file->size_bytes();
  catalog.files.push_back(
      {.path = name, .size_bytes = size_bytes, .content = file});
  catalog.storages.push_back(
      {.file = static_cast<int>(catalog.files.size()) - 1,
       .size_bytes = size_bytes,
       .name = name});
  parts_.files.push_back(std::move(file));
  return TensorEntry{.name = name,
                     .spec = std::move(spec),
                     .storage = static_cast<int>(catalog.storages.size()) - 1};
}

absl::StatusOr<TensorEntry> CatalogEditor::Derive(
    absl::Span<const TensorEntry> parts, int dimension, DType dtype) {
  const TensorEntry& first = parts[0];
  DerivedTensor derived{.dimension = dimension, .dtype = dtype};
  std::string text = absl::StrCat(dimension, " ", DTypeName(dtype));
  bool has_data = true;
  for (const TensorEntry& part : parts) {
    if (part.is_conjugate != first.is_conjugate ||
        part.is_negative != first.is_negative) {
      return absl::UnimplementedError(
          "Not all of the tensors are conjugated or negated");
    }
    has_data = has_data && part.storage.has_value();
    absl::StrAppend(&text, ", ", ViewText(part));
  }
  if (first.is_negative && dtype != first.spec.dtype &&
      (!IsFloatingPoint(dtype) || dtype == DType::kFloat8E8m0fnu)) {
    return absl::UnimplementedError(absl::StrCat(
        "A tensor that is negated lazily cannot become ", DTypeName(dtype)));
  }
  if (const auto known = derived_.find(text);
      has_data && known != derived_.end()) {
    return OverDerived(first, known->second);
  }
  storages_.resize(parts_.catalog.storages.size());
  for (const TensorEntry& part : parts) {
    StorageView view{.spec = part.spec, .storage_offset = part.storage_offset};
    if (has_data) {
      auto& storage = storages_[*part.storage];
      if (storage == nullptr) {
        const StorageEntry& entry = parts_.catalog.storages[*part.storage];
        storage =
            std::make_shared<StorageBytes>(parts_.files[entry.file], entry);
      }
      view.storage = storage;
    }
    derived.parts.push_back(std::move(view));
  }
  TensorEntry made;
  if (has_data) {
    HOIST_ASSIGN_OR_RETURN(made, AddDerived(first.name, derived));
    derived_.emplace(text, made);
  } else {
    HOIST_ASSIGN_OR_RETURN(made.spec, DerivedSpec(derived));
  }
  return OverDerived(first, made);
}

absl::StatusOr<TensorEntry> CatalogEditor::MakeConstant(
    std::string name, DType dtype, std::vector<int64_t> shape,
    std::vector<uint8_t> element) {
  const StorageEntry storage{.size_bytes = element.size(), .name = name};
  auto file = std::make_shared<MemoryFile>(name, std::move(element));
  std::vector<int64_t> strides(shape.size(), 0);
  return AddDerived(
      name, {.parts = {{.storage = std::make_shared<StorageBytes>(
                            std::move(file), storage),
                        .spec = {dtype, std::move(shape), std::move(strides)}}},
             .dtype = dtype});
}

absl::Status CatalogEditor::CheckNames() const {
  absl::flat_hash_map<absl::string_view, size_t> names;
  for (size_t i = 0; i < slots_.size(); ++i) {
    const Slot& slot = slots_[i];
    if (!slot.is_live) {
      continue;
    }
    const auto [other, is_new] = names.emplace(slot.entry.name, i);
    // Two of one name may have been there.
    if (!is_new &&
        (slot.entry.name != slot.first_name || !slot.is_original ||
         slots_[other->second].entry.name != slots_[other->second].first_name ||
         !slots_[other->second].is_original)) {
      const std::string& a = slots_[other->second].first_name;
      const std::string& b = slot.first_name;
      return absl::InvalidArgumentError(
          absl::StrCat("Two tensors would have the name ", slot.entry.name,
                       a.empty() || b.empty() || a == b
                           ? ""
                           : absl::StrCat(": what were ", a, " and ", b)));
    }
  }
  return absl::OkStatus();
}

std::optional<std::string> CatalogEditor::KeyOf(const Slot& slot) const {
  if (!slot.place || FindDict(slot.place->holder) == nullptr) {
    return std::nullopt;
  }
  const Value key = At(slot.place->holder).key(slot.place->item / 2);
  if (key.kind() != ValueKind::kString) {
    return std::nullopt;
  }
  const absl::string_view first = slot.first_name;
  const absl::string_view prefix =
      first.substr(0, first.size() - key.AsString().size());
  const absl::string_view name = slot.entry.name;
  if (!absl::StartsWith(name, prefix) || name.size() == prefix.size()) {
    return std::nullopt;
  }
  return std::string(name.substr(prefix.size()));
}

bool CatalogEditor::IsUntouched(const PlaceEdit& edit) const {
  return edit.before == edit.after &&
         std::none_of(edit.after.begin(), edit.after.end(), [this](size_t i) {
           return slots_[i].is_changed ||
                  slots_[i].entry.name != slots_[i].first_name;
         });
}

absl::Status CatalogEditor::CheckFixed(const PlaceEdit& edit) const {
  const Slot& slot = slots_[edit.before[0]];
  if (edit.after == edit.before && slot.entry.name == slot.first_name) {
    return absl::OkStatus();
  }
  return WithHint(
      absl::InvalidArgumentError(absl::StrCat(
          "Tensor ", slot.first_name,
          " is no value of a dict under a name, but an item of a list or an "
          "attribute of an object: it cannot be renamed, dropped or split")),
      "Save the state dict of the model by itself, or name in \"root\" the "
      "dict whose tensors are meant");
}

// Several names lead to one place.
absl::Status CatalogEditor::CheckShared(const PlaceEdit& edit) const {
  const Slot& first = slots_[edit.before[0]];
  bool is_same = edit.after.empty() || edit.after == edit.before;
  for (const size_t i : edit.after) {
    is_same = is_same && KeyOf(slots_[i]) == KeyOf(first) &&
              ViewText(slots_[i].entry) == ViewText(first.entry);
  }
  if (is_same) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "Tensors ", first.first_name, " and ", slots_[edit.before[1]].first_name,
      " are one place of one dict that has two names; what is done to one has "
      "to be done to the other"));
}

absl::Status CatalogEditor::PlaceSlots(
    PlaceEdits& edits,
    absl::flat_hash_map<ValueId, std::vector<size_t>>& added) const {
  for (size_t i = 0; i < slots_.size(); ++i) {
    const Slot& slot = slots_[i];
    const auto place = slot.place
                           ? std::pair(slot.place->holder, slot.place->item)
                           : std::pair(ValueGraph::kNoneId, size_t{0});
    if (slot.is_original) {
      edits[place].before.push_back(i);
    }
    if (!slot.is_live) {
      continue;
    }
    const bool has_stayed =
        slot.is_original && slot.entry.name == slot.first_name;
    if (has_stayed || KeyOf(slot)) {
      edits[place].after.push_back(i);
      continue;
    }
    const Dict* home = nullptr;
    for (const Dict& dict : dicts_) {
      if (absl::StartsWith(slot.entry.name, dict.prefix) &&
          slot.entry.name.size() > dict.prefix.size() &&
          (home == nullptr || dict.prefix.size() > home->prefix.size())) {
        home = &dict;
      }
    }
    if (home == nullptr) {
      return WithHint(
          absl::InvalidArgumentError(absl::StrCat(
              "There is no dict for a tensor ", slot.entry.name, " to be in")),
          "Save the state dict of the model by itself, and change that");
    }
    added[home->id].push_back(i);
  }
  return absl::OkStatus();
}

ValueId CatalogEditor::NodeOf(size_t index) {
  const Slot& slot = slots_[index];
  if (!slot.is_changed) {
    return slot.node;
  }
  // One value that was in several places is one still, if it is the same.
  const std::string text = absl::StrCat(slot.node, " ", ViewText(slot.entry));
  if (const auto known = nodes_.find(text);
      slot.is_original && known != nodes_.end()) {
    return known->second;
  }
  ValueGraph::Node node = slot.is_original
                              ? graph_->node(slot.node)
                              : ValueGraph::Node{.kind = ValueKind::kTensor};
  node.data = static_cast<int64_t>(unnamed_.size());
  unnamed_.push_back(slot.entry);
  const ValueId id = graph_->Add(std::move(node));
  nodes_.emplace(text, id);
  return id;
}

void CatalogEditor::ReplaceItems(ValueId holder, const PlaceEdits& edits,
                                 absl::Span<const size_t> added) {
  const bool is_dict = graph_->node(holder).kind == ValueKind::kDict;
  const auto old = std::get<ValueGraph::Items>(graph_->node(holder).data);
  ValueGraph::Items items;
  const size_t step = is_dict ? 2 : 1;
  for (size_t i = 0; i < old.size(); i += step) {
    const size_t item = i + step - 1;
    const auto edit = edits.find({holder, item});
    if (edit == edits.end() || edit->second.before.empty()) {
      items.insert(items.end(), old.begin() + i, old.begin() + i + step);
      continue;
    }
    // Of a place with two names one tensor is enough.
    const bool is_shared = edit->second.before.size() > 1;
    for (const size_t index : edit->second.after) {
      const Slot& slot = slots_[index];
      if (is_dict) {
        const bool has_stayed = slot.entry.name == slot.first_name;
        items.push_back(has_stayed ? old[i] : graph_->AddString(*KeyOf(slot)));
      }
      items.push_back(NodeOf(index));
      if (is_shared) {
        break;
      }
    }
  }
  for (const size_t index : added) {
    const std::string& prefix = FindDict(holder)->prefix;
    items.push_back(
        graph_->AddString(slots_[index].entry.name.substr(prefix.size())));
    items.push_back(NodeOf(index));
  }
  graph_->node(holder).data = std::move(items);
}

void CatalogEditor::UpdateMetadata(const Dict& dict) {
  const Value value = At(dict.id);
  const auto metadata = value.state().Find(kMetadata);
  if (!metadata || metadata->kind() != ValueKind::kDict) {
    return;
  }
  std::vector<KeyMove> moves;
  for (const Slot& slot : slots_) {
    if (!slot.is_original || slot.place->holder != dict.id) {
      continue;
    }
    Slot before = slot;
    before.entry.name = slot.first_name;
    if (const auto from = KeyOf(before)) {
      moves.push_back(
          {*from, slot.is_live ? KeyOf(slot) : std::optional<std::string>()});
    }
  }
  std::vector<std::string> modules;
  for (size_t i = 0; i < metadata->size(); ++i) {
    const Value key = metadata->key(i);
    modules.push_back(
        key.kind() == ValueKind::kString ? std::string(key.AsString()) : "");
  }
  const auto places = MovedModules(modules, moves);

  // In their order; a module that has come where the root was is the root.
  std::vector<std::pair<std::string, ValueId>> entries;
  const auto set = [&entries](const std::string& module, ValueId entry,
                              bool replaces) {
    const auto known =
        std::find_if(entries.begin(), entries.end(),
                     [&](const auto& other) { return other.first == module; });
    if (known == entries.end()) {
      entries.emplace_back(module, entry);
    } else if (replaces) {
      known->second = entry;
    }
  };
  bool has_root = false;
  for (size_t i = 0; i < places.size(); ++i) {
    if (places[i]) {
      has_root = has_root || places[i]->empty();
      set(*places[i], metadata->value(i).id(), !modules[i].empty());
    }
  }
  const auto add_version = [&](absl::string_view module, int64_t version) {
    ValueGraph::Items items = {graph_->AddString("version"),
                               graph_->AddInt(version)};
    if (const auto entry = metadata->Find(module);
        entry && entry->kind() == ValueKind::kDict) {
      for (size_t i = 0; i < entry->size(); ++i) {
        if (entry->key(i).kind() != ValueKind::kString ||
            entry->key(i).AsString() != "version") {
          items.push_back(entry->key(i).id());
          items.push_back(entry->value(i).id());
        }
      }
    }
    return graph_->AddItems(ValueKind::kDict, items);
  };
  if (!has_root) {
    // A wrapper's, as PyTorch has it.
    entries.insert(
        entries.begin(),
        {"", graph_->AddItems(ValueKind::kDict, {graph_->AddString("version"),
                                                 graph_->AddInt(1)})});
  }
  for (const Version& version : versions_) {
    if (version.dict == dict.id) {
      set(version.module, add_version(version.module, version.version),
          /*replaces=*/true);
    }
  }
  ValueGraph::Items items;
  for (const auto& [module, entry] : entries) {
    items.push_back(graph_->AddString(module));
    items.push_back(entry);
  }
  graph_->node(metadata->id()).data = std::move(items);
}

bool CatalogEditor::BecomesFlat() const {
  return dicts_.empty() &&
         std::any_of(slots_.begin(), slots_.end(),
                     [](const Slot& slot) {
                       return !slot.is_live || !slot.is_original ||
                              slot.entry.name != slot.first_name;
                     }) &&
         std::none_of(slots_.begin(), slots_.end(), [](const Slot& slot) {
           // How one is quantized is with the value it was.
           return slot.is_value || IsQuantizedDType(slot.entry.spec.dtype);
         });
}

std::vector<TensorEntry> CatalogEditor::TensorsInOrder() const {
  absl::flat_hash_map<std::pair<ValueId, size_t>, std::vector<size_t>> beside;
  std::vector<size_t> last;
  for (size_t i = 0; i < slots_.size(); ++i) {
    const Slot& slot = slots_[i];
    if (slot.is_live && !slot.is_original) {
      (slot.place ? beside[{slot.place->holder, slot.place->item}] : last)
          .push_back(i);
    }
  }
  std::vector<TensorEntry> tensors;
  const auto add = [&](const std::vector<size_t>& indices) {
    for (const size_t i : indices) {
      tensors.push_back(slots_[i].entry);
    }
  };
  for (const Slot& slot : slots_) {
    if (!slot.is_original) {
      continue;
    }
    // What no state dict would have is kept if it was asked for.
    if (slot.is_live &&
        (slot.entry.is_persistent || slot.entry.name != slot.first_name)) {
      tensors.push_back(slot.entry);
    }
    if (const auto found = beside.find({slot.place->holder, slot.place->item});
        found != beside.end()) {
      add(found->second);
      // Another name of the same place.
      beside.erase(found);
    }
  }
  add(last);
  return tensors;
}

absl::StatusOr<CheckpointParts> CatalogEditor::FinishFlat() {
  Catalog& catalog = parts_.catalog;
  catalog.tensors = TensorsInOrder();
  catalog.values = MakeFlat(catalog);
  HOIST_RETURN_IF_ERROR(ValidateCatalog(catalog));
  return std::move(parts_);
}

absl::StatusOr<CheckpointParts> CatalogEditor::Finish() {
  HOIST_RETURN_IF_ERROR(CheckNames());
  if (BecomesFlat()) {
    return FinishFlat();
  }
  PlaceEdits edits;
  absl::flat_hash_map<ValueId, std::vector<size_t>> added;
  HOIST_RETURN_IF_ERROR(PlaceSlots(edits, added));
  absl::flat_hash_set<ValueId> touched;
  for (const auto& [holder, slots] : added) {
    touched.insert(holder);
  }
  for (const auto& [place, edit] : edits) {
    if (IsUntouched(edit)) {
      continue;
    }
    const Slot& slot = slots_[edit.before[0]];
    const bool is_fixed = slot.is_original && FindDict(place.first) == nullptr;
    if (is_fixed ||
        At(place.first).key(place.second / 2).kind() != ValueKind::kString) {
      HOIST_RETURN_IF_ERROR(CheckFixed(edit));
    }
    if (edit.before.size() > 1) {
      HOIST_RETURN_IF_ERROR(CheckShared(edit));
    }
    touched.insert(place.first);
  }
  // Keys of dicts are asked for until all have changed: metadata first.
  for (const Dict& dict : dicts_) {
    if (touched.contains(dict.id) ||
        std::any_of(versions_.begin(), versions_.end(),
                    [&](const Version& v) { return v.dict == dict.id; })) {
      UpdateMetadata(dict);
    }
  }
  Catalog& catalog = parts_.catalog;
  unnamed_ = catalog.tensors;
  for (const ValueId holder : touched) {
    if (holder == ValueGraph::kNoneId) {
      catalog.root_id = NodeOf(0);
      continue;
    }
    const auto slots = added.find(holder);
    ReplaceItems(holder, edits,
                 slots == added.end() ? std::vector<size_t>() : slots->second);
  }
  HOIST_ASSIGN_OR_RETURN(catalog.tensors,
                         NameTensors(*graph_, catalog.root_id, unnamed_));
  catalog.values = std::move(graph_);
  HOIST_RETURN_IF_ERROR(ValidateCatalog(catalog));
  return std::move(parts_);
}

}  // namespace hoist
