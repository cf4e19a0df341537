#include "hoist/tools/ui/plain_entries.h"

#include <cstddef>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "hoist/checkpoint/catalog/value.h"
#include "hoist/tools/ui/display_text.h"
#include "hoist/tools/ui/module_repr.h"
#include "hoist/tools/ui/python_repr.h"
#include "hoist/tools/ui/value_text.h"

namespace hoist {
namespace {

// Below this, a value is shown whole, its tensors as "<torch.Tensor>".
constexpr int kMaxDepth = 16;
// Of names that are made on the way.
constexpr size_t kMaxNameBytes = size_t{64} << 20;

bool IsContainer(Value value) {
  return value.kind() == ValueKind::kDict || value.kind() == ValueKind::kList ||
         value.kind() == ValueKind::kTuple;
}

// The names of all that tensors are in: "a" and "a.b" for "a.b.weight".
absl::flat_hash_set<absl::string_view> NamesWithTensors(
    const Catalog& catalog) {
  absl::flat_hash_set<absl::string_view> names;
  for (const TensorEntry& tensor : catalog.tensors) {
    const absl::string_view name = tensor.name;
    names.insert("");
    size_t dot = name.find('.');
    for (int i = 0; i < kMaxDepth && dot != absl::string_view::npos; ++i) {
      names.insert(name.substr(0, dot));
      dot = name.find('.', dot + 1);
    }
  }
  return names;
}

class Walk {
 public:
  explicit Walk(const Catalog& catalog)
      : with_tensors_(NamesWithTensors(catalog)) {}

  void Visit(Value value, const std::string& name, int depth) {
    name_bytes_ += name.size();
    if (value.kind() == ValueKind::kTensor || name_bytes_ > kMaxNameBytes) {
      return;
    }
    if (!IsContainer(value) || depth == kMaxDepth ||
        !with_tensors_.contains(name)) {
      Add(value, name);
      return;
    }
    if (!visited_.insert(value.id()).second) {
      return;
    }
    const bool is_dict = value.kind() == ValueKind::kDict;
    for (size_t i = 0; i < value.size(); ++i) {
      Visit(is_dict ? value.value(i) : value[i],
            absl::StrCat(name, depth > 0 ? "." : "",
                         is_dict ? KeyName(value.key(i)) : absl::StrCat(i)),
            depth + 1);
    }
  }

  std::vector<PlainEntry> TakeEntries() { return std::move(entries_); }

 private:
  void Add(Value value, absl::string_view name) {
    entries_.push_back(
        {.name = DisplayText(name),
         .text = IsModule(value)
                     ? std::string(absl::StripSuffix(ModuleRepr(value), "\n"))
                     : DisplayText(PythonRepr(value))});
  }

  const absl::flat_hash_set<absl::string_view> with_tensors_;
  absl::flat_hash_set<ValueId> visited_;
  size_t name_bytes_ = 0;
  std::vector<PlainEntry> entries_;
};

}  // namespace

std::vector<PlainEntry> PlainEntries(const Catalog& catalog) {
  Walk walk(catalog);
  const Value root = catalog.root();
  const bool is_empty = IsContainer(root) && root.size() == 0;
  if (!is_empty) {
    walk.Visit(root, "", 0);
  }
  return walk.TakeEntries();
}

}  // namespace hoist
