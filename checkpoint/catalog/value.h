#ifndef HOIST_CHECKPOINT_CATALOG_VALUE_H_
#define HOIST_CHECKPOINT_CATALOG_VALUE_H_

#include <complex>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "hoist/core/base/check.h"
#include "hoist/core/base/stable_vector.h"

namespace hoist {

// Everything in a checkpoint that is not tensor data: Python objects as plain
// data. Nothing here is ever executed.

enum class ValueKind : uint8_t {
  kNone,
  kBool,
  kInt,     // fits into 64 bits
  kBigInt,  // does not; two's complement, little-endian
  kFloat,
  kComplex,
  kString,  // as in the file: UTF-8 where it is well formed
  kBytes,   // bytes, bytearray
  kList,
  kTuple,    // also torch.Size, named tuples
  kDict,     // in the file's order; any keys, also equal ones
  kSet,      // set, frozenset; in the file's order
  kTensor,   // one of the Catalog's tensors
  kStorage,  // a storage that is not part of a tensor
  kClass,    // a class or a function, by name
  kOpaque,   // an object of a class that Hoist does not know
};

// Index of a value in its ValueGraph.
using ValueId = uint32_t;

// The values of one checkpoint. They may be shared and contain themselves, as
// Python's may, so they refer to each other by index. Readers of formats write
// it; afterwards it is constant, and thread-safe.
class ValueGraph {
 public:
  // Most tuples have a few, which need no memory of their own.
  using Items = absl::InlinedVector<ValueId, 6>;

  struct Node {
    ValueKind kind = ValueKind::kNone;
    // Of an object: made by its class's __new__ (NEWOBJ), so that no __init__
    // is called when it is pickled again. Else by a call of what its type
    // names. Of a list or dict at the end of what an opaque object was made
    // from: its keywords, or what was added to it
    // (checkpoint/pickle/object_arguments.h).
    bool is_new = false;
    // The class: a kClass value, or kNoneId for the kind's own (dict, list,
    // ...).
    ValueId type = 0;
    // What the file gave the object as its state (the argument of BUILD), or
    // kNoneId: the `_metadata` of a state dict, the attributes of an object.
    ValueId state = 0;
    // kBool, kInt, kTensor and kStorage (index): int64_t. kClass: its name with
    // its module, "torch.Size". kDict: key, value, key, value, ... kOpaque: the
    // arguments it was made from.
    std::variant<std::monostate, int64_t, double, std::complex<double>,
                 std::string, Items>
        data;
  };

  static constexpr ValueId kNoneId = 0;
  static constexpr ValueId kFalseId = 1;
  static constexpr ValueId kTrueId = 2;

  ValueGraph();

  // The same values under the same ids, for who changes some of them.
  ValueGraph Copy() const;

  // Nodes stay where they are when others are added.
  ValueId Add(Node node);
  ValueId AddInt(int64_t value);
  ValueId AddString(absl::string_view text);
  ValueId AddItems(ValueKind kind, absl::Span<const ValueId> items,
                   ValueId type = kNoneId);
  // The same id for the same module and name.
  ValueId AddClass(absl::string_view module, absl::string_view name);

  Node& node(ValueId id) { return nodes_[id]; }
  const Node& node(ValueId id) const { return nodes_[id]; }
  size_t size() const { return nodes_.size(); }
  // Whether a kOpaque value has been added, though it may have become another.
  bool has_opaque() const { return has_opaque_; }
  // All that AddClass() was called for: module and name, each pair once.
  const std::vector<std::pair<std::string, std::string>>& class_names() const {
    return class_names_;
  }

 private:
  // Adds a value without data.
  Node& AddEmpty(ValueKind kind, ValueId type = kNoneId);
  ValueId last_id() const { return static_cast<ValueId>(nodes_.size() - 1); }

  StableVector<Node> nodes_;
  bool has_opaque_ = false;
  // By module and name, which are parts of the nodes' own text.
  absl::flat_hash_map<std::pair<absl::string_view, absl::string_view>, ValueId>
      classes_;
  std::vector<std::pair<std::string, std::string>> class_names_;
};

// One value, seen from outside. Cheap to copy; good while its graph is.
// To ask a value for what its kind() has not is a mistake of the program, and
// ends it.
class Value {
 public:
  Value(const ValueGraph* graph, ValueId id) : graph_(graph), id_(id) {}

  ValueKind kind() const { return node().kind; }
  ValueId id() const { return id_; }

  // Python's name of its class, with the module unless that is builtins:
  // "dict", "collections.OrderedDict", "argparse.Namespace".
  std::string ClassName() const;

  bool AsBool() const;
  int64_t AsInt() const;
  double AsFloat() const;
  std::complex<double> AsComplex() const;
  // kString, kBytes, kBigInt; kClass: its name with its module.
  absl::string_view AsString() const {
    const auto* const text = std::get_if<std::string>(&node().data);
    HOIST_CHECK(text != nullptr);
    return *text;
  }
  // kTensor: index into Catalog::tensors of its first entry, -1 if it has none.
  // kStorage: into Catalog::storages.
  int AsIndex() const;

  // Items of a list, tuple or set, entries of a dict, arguments of an opaque
  // object (a kTuple mostly).
  size_t size() const {
    return kind() == ValueKind::kDict ? items().size() / 2 : items().size();
  }
  // Item i of a list, tuple, set or of an opaque object's arguments.
  Value operator[](size_t i) const {
    const ValueGraph::Items& list = items();
    HOIST_CHECK(kind() != ValueKind::kDict && i < list.size());
    return Value(graph_, list[i]);
  }
  // Entry i of a dict.
  Value key(size_t i) const { return Value(graph_, entry(i)[0]); }
  Value value(size_t i) const { return Value(graph_, entry(i)[1]); }
  // The last value of a dict under that string; nullopt also if it is no dict.
  std::optional<Value> Find(absl::string_view key) const;

  // Its class, a kClass value; a kNone value if that is the kind's own.
  Value type() const { return Value(graph_, node().type); }
  // The state it was given; a kNone value if none.
  Value state() const { return Value(graph_, node().state); }
  // As ValueGraph::Node has it.
  bool is_new() const { return node().is_new; }

 private:
  const ValueGraph::Node& node() const { return graph_->node(id_); }
  const ValueGraph::Items& items() const {
    const auto* const list = std::get_if<ValueGraph::Items>(&node().data);
    HOIST_CHECK(list != nullptr);
    return *list;
  }
  const ValueId* entry(size_t i) const {
    const ValueGraph::Items& list = items();
    HOIST_CHECK(kind() == ValueKind::kDict && i < list.size() / 2);
    return &list[2 * i];
  }

  const ValueGraph* graph_;
  ValueId id_;
};

// Integer, float, string or None as Python's str() shows them ("7", "0.001",
// "run one"), "True", big integers in decimal, other kinds by their class.
std::string ValueText(Value value);

// The shortest digits that read back as `value`, in the form of Python's
// repr(): "0.1", "1e-05", "inf".
std::string FloatText(double value);
// "(1+2j)", "2j"
std::string ComplexText(std::complex<double> value);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_CATALOG_VALUE_H_
