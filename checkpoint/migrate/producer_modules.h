#ifndef HOIST_CHECKPOINT_MIGRATE_PRODUCER_MODULES_H_
#define HOIST_CHECKPOINT_MIGRATE_PRODUCER_MODULES_H_

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/migrate/catalog_editor.h"
#include "hoist/checkpoint/migrate/migration_report.h"

namespace hoist {

// A module, as far as a state dict says what it is: the keys that have its path
// before their last dot. (spec: pytorch-formats.md 10.1)
struct ProducerModule {
  struct TensorPlace {
    // The editor's: the first is under `prefix`, others are further names of
    // the same place.
    absl::InlinedVector<size_t, 1> indices;
    const TensorEntry* entry = nullptr;  // of the first, the editor's
  };

  ValueId state_dict = ValueGraph::kNoneId;
  std::string prefix;  // of the state dict, up to a dot or empty
  std::string path;  // in the state dict, without the last dot; "" is the root
  // Of its class, as `_metadata` has it: none means the oldest, as to PyTorch.
  std::optional<int64_t> version;
  bool has_metadata = false;  // the state dict
  // By what is behind the path.
  std::map<std::string, TensorPlace, std::less<>> tensors;
  // What else is there, where the state dict has `_metadata`: its index.
  std::map<std::string, size_t, std::less<>> values;

  bool Has(absl::string_view key) const;
  // Of one that is there.
  const absl::InlinedVector<size_t, 1>& indices(absl::string_view key) const {
    return tensors.find(key)->second.indices;
  }
  const TensorEntry& entry(absl::string_view key) const {
    return *tensors.find(key)->second.entry;
  }
  // Whether it has all of `required`, and nothing that is in neither.
  bool HasOnly(std::initializer_list<absl::string_view> required,
               std::initializer_list<absl::string_view> allowed = {}) const;
  bool IsOlderThan(int64_t than) const { return !version || *version < than; }
  // "net.0.weight" of "weight", "net.0" of "": as the checkpoint has it.
  std::string NameOf(absl::string_view key) const;
};

// Those that have tensors of their own, state dict by state dict, in the order
// of their first ones. Modules that were pickled whole are not among them. Good
// until `editor` is changed.
std::vector<ProducerModule> ProducerModulesOf(const CatalogEditor& editor);

// Changes tensors of modules, wherever their names are, and reports that.
// Thread-compatible.
class ModuleEditor {
 public:
  // All outlive it.
  ModuleEditor(CatalogEditor& editor, MigrationReport::Step& step)
      : editor_(editor), step_(step) {}

  // Keys are behind the module's path, and may have dots.
  void Rename(const ProducerModule& module, absl::string_view key,
              absl::string_view to);
  void Drop(const ProducerModule& module, absl::string_view key);
  // A tensor whose elements all are `element`, behind another one, on whose
  // device it is. Where several modules have that one in common (tied), they
  // get one in common.
  absl::Status Add(const ProducerModule& module, absl::string_view beside,
                   absl::string_view key, DType dtype,
                   std::vector<int64_t> shape, std::vector<uint8_t> element);
  // In the place of one that is there.
  absl::Status Replace(const ProducerModule& module, absl::string_view key,
                       DType dtype, std::vector<int64_t> shape,
                       std::vector<uint8_t> element);
  // The tuple of a tensor, and of another or None, in their place.
  void Pack(const ProducerModule& module, absl::string_view first,
            absl::string_view second, absl::string_view key);
  // torch.NAME.
  void AddTorchName(const ProducerModule& module, absl::string_view key,
                    absl::string_view name);
  // Of the module itself ("") or of one inside it. Nothing where the state dict
  // has no `_metadata`.
  void SetVersion(const ProducerModule& module, absl::string_view child,
                  int64_t version);
  // Of what it is in.
  void SetVersionOfParent(const ProducerModule& module, int64_t version);

 private:
  absl::StatusOr<TensorEntry> Constant(const ProducerModule& module,
                                       absl::string_view like,
                                       absl::string_view key, DType dtype,
                                       std::vector<int64_t> shape,
                                       std::vector<uint8_t> element);

  CatalogEditor& editor_;
  MigrationReport::Step& step_;
  absl::flat_hash_map<std::string, TensorEntry> constants_;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_MIGRATE_PRODUCER_MODULES_H_
