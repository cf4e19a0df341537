#ifndef HOIST_CHECKPOINT_MIGRATE_CATALOG_EDITOR_H_
#define HOIST_CHECKPOINT_MIGRATE_CATALOG_EDITOR_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/migrate/block_cache.h"
#include "hoist/checkpoint/migrate/checkpoint_parts.h"
#include "hoist/checkpoint/migrate/derived_file.h"
#include "hoist/checkpoint/migrate/storage_bytes.h"
#include "hoist/checkpoint/pickle/tensor_names.h"

namespace hoist {

// Changes the tensors of a checkpoint, and with them the values that name them:
// the dicts that hold them, and the `_metadata` of state dicts. Reads no
// payload: a tensor becomes another view of its storage, or a view of a storage
// in a DerivedFile. Thread-compatible.
//
// Tensors have indices that stay theirs; each is there until it is dropped.
// So have the other values of a state dict that has `_metadata` (its extra
// state), which can be renamed and dropped.
class CatalogEditor {
 public:
  // A dict that holds tensors under its own keys, as they were at the start.
  struct StateDict {
    ValueId id = ValueGraph::kNoneId;
    std::string prefix;  // what its tensors' names have before their keys
    std::vector<size_t> tensors;  // those that are there now
    // Parallel to them: a tensor of a dict that has two names is there twice,
    // under one key. Empty where a new name has none here.
    std::vector<std::string> keys;
    // What else it has, and the keys of that: likewise.
    std::vector<size_t> values;
    std::vector<std::string> value_keys;
    bool has_metadata = false;
    // By module, as `_metadata` has them: "version" of each that has one.
    absl::flat_hash_map<std::string, int64_t> versions;
  };

  // `parts` are valid. Where its values do not hold the tensors by their names
  // (a part of a checkpoint), one dict of all tensors takes their place, and a
  // warning is added to the catalog's.
  // kResourceExhausted as NameTensors().
  static absl::StatusOr<std::unique_ptr<CatalogEditor>> Create(
      CheckpointParts parts);
  CatalogEditor(const CatalogEditor&) = delete;
  CatalogEditor& operator=(const CatalogEditor&) = delete;

  const Catalog& catalog() const { return parts_.catalog; }

  // Indices of what is there, in the order of the file, what was added last.
  std::vector<size_t> Tensors() const { return Live(/*is_value=*/false); }
  std::vector<size_t> Values() const { return Live(/*is_value=*/true); }
  const std::string& name(size_t index) const {
    return slots_[index].entry.name;
  }
  // Of a tensor.
  const TensorEntry& tensor(size_t index) const { return slots_[index].entry; }

  std::vector<StateDict> StateDicts() const;

  // It stays in its dict where the name allows that, and moves to another
  // otherwise.
  void Rename(size_t index, std::string name);
  void Drop(size_t index);
  // `view` in the place of a tensor, under the tensor's name.
  void Replace(size_t index, TensorEntry view);
  // A new tensor where tensor `beside` is or was, behind it; at the end of a
  // dict where the name does not fit in there.
  size_t AddBeside(size_t beside, TensorEntry tensor);
  // A new tensor at the end of the dict whose name is the longest start of its.
  size_t Add(TensorEntry tensor);
  // What a tensor or value was at the start, and new values can be made of;
  // these must not change.
  ValueId value(size_t index) const { return slots_[index].node; }
  ValueGraph& graph() { return *graph_; }
  // A new value at the end of the dict whose name is the longest start of its.
  // Tensors in it, which have been dropped, are there again.
  size_t AddValue(std::string name, ValueId value);
  // What version `_metadata` of a state dict that has one is to give a module,
  // by the path that it has in the end. What else a module that is there now
  // has under that path stays.
  void SetVersion(ValueId state_dict, std::string module, int64_t version);

  // A tensor that is made of others when it is read (DerivedTensor): views that
  // the catalog's storages or derived ones have. Like the first in all but its
  // spec and storage. The same tensors make the same storage, so what was tied
  // stays tied. Parts without data make one without. kInvalidArgument and
  // kUnimplemented where that cannot be.
  absl::StatusOr<TensorEntry> Derive(absl::Span<const TensorEntry> parts,
                                     int dimension, DType dtype);
  // One whose elements all have the bytes of `element`, in a storage of its
  // own.
  absl::StatusOr<TensorEntry> MakeConstant(std::string name, DType dtype,
                                           std::vector<int64_t> shape,
                                           std::vector<uint8_t> element);

  // What has become of it: tensors are in the order that their values have, by
  // which a file that is written from it is read again. Where no dict has the
  // tensors (the object of a model, a program, a list), and one was renamed,
  // dropped or added, a dict of all tensors that a state dict has takes the place
  // of what was there, and a warning is added to the catalog's; not where one of
  // them is quantized, which only its value says how. Call it once.
  // kInvalidArgument where two things have one name, where a name has no dict
  // to be in, and for what cannot be renamed, dropped or added: items of lists,
  // attributes of objects.
  absl::StatusOr<CheckpointParts> Finish();

 private:
  struct Slot {
    TensorEntry entry;  // of a value only the name counts
    // Where it was at the start, or what it was added beside of; nullopt for
    // the end of a dict.
    std::optional<ValuePlace> place;
    std::string first_name;
    // The value that it was; of what was added kNoneId.
    ValueId node = ValueGraph::kNoneId;
    bool is_original = false;
    bool is_value = false;
    bool is_live = true;
    bool is_changed = false;  // another view
  };
  // A dict that is reached from the root by dicts alone, or lists of them.
  struct Dict {
    ValueId id;
    std::string prefix;
  };
  // What is at one place in a dict, before and after.
  struct PlaceEdit {
    std::vector<size_t> before;
    std::vector<size_t> after;
  };
  using PlaceEdits = absl::flat_hash_map<std::pair<ValueId, size_t>, PlaceEdit>;

  CatalogEditor(CheckpointParts parts, std::shared_ptr<ValueGraph> graph)
      : parts_(std::move(parts)), graph_(std::move(graph)) {}

  std::vector<size_t> Live(bool is_value) const;
  Value At(ValueId id) const { return Value(graph_.get(), id); }
  ValueId NodeAt(ValuePlace place) const;
  void FindDicts();
  void AddValueSlots();
  const Dict* FindDict(ValueId id) const;
  // The key of a slot in the dict of its place: nullopt where that has no keys
  // to be changed, or the name has another start.
  std::optional<std::string> KeyOf(const Slot& slot) const;
  absl::StatusOr<TensorEntry> AddDerived(const std::string& name,
                                         const DerivedTensor& derived);

  absl::Status CheckNames() const;
  absl::Status PlaceSlots(
      PlaceEdits& edits,
      absl::flat_hash_map<ValueId, std::vector<size_t>>& added) const;
  absl::Status CheckFixed(const PlaceEdit& edit) const;
  absl::Status CheckShared(const PlaceEdit& edit) const;
  bool IsUntouched(const PlaceEdit& edit) const;
  ValueId NodeOf(size_t index);
  void ReplaceItems(ValueId holder, const PlaceEdits& edits,
                    absl::Span<const size_t> added);
  void UpdateMetadata(const Dict& dict);
  // Whether it is to be a dict of tensors, which it was not.
  bool BecomesFlat() const;
  // Those it has then: what was added is behind what it is beside.
  std::vector<TensorEntry> TensorsInOrder() const;
  absl::StatusOr<CheckpointParts> FinishFlat();

  CheckpointParts parts_;
  std::shared_ptr<ValueGraph> graph_;
  std::vector<Slot> slots_;
  std::vector<Dict> dicts_;
  absl::flat_hash_map<ValueId, size_t> dict_index_;
  std::shared_ptr<BlockCache> cache_;
  std::vector<std::shared_ptr<const StorageBytes>> storages_;  // where needed
  absl::flat_hash_map<std::string, TensorEntry> derived_;
  struct Version {
    ValueId dict;
    std::string module;
    int64_t version;
  };
  std::vector<Version> versions_;
  // While it is finished: what tensor values index, and those made so far.
  std::vector<TensorEntry> unnamed_;
  absl::flat_hash_map<std::string, ValueId> nodes_;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_MIGRATE_CATALOG_EDITOR_H_
