#include "hoist/checkpoint/pickle/tensor_names.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

constexpr size_t kFreeEntries = 10'000;

std::string KeyText(Value key, int depth = 0);

// "1, 'a'", as deep as people write it.
std::string KeyItems(Value key, int depth) {
  constexpr int kMaxDepth = 4;
  constexpr size_t kMaxItems = 100;
  if (depth >= kMaxDepth || key.size() > kMaxItems) {
    return "...";
  }
  std::string text;
  for (size_t i = 0; i < key.size(); ++i) {
    absl::StrAppend(&text, i > 0 ? ", " : "", KeyText(key[i], depth + 1));
  }
  return text;
}

// Python's str() of a dict's key, which is one of the few kinds that can be.
std::string KeyText(Value key, int depth) {
  switch (key.kind()) {
    case ValueKind::kString:
      return depth == 0 ? std::string(key.AsString())
                        : absl::StrCat("'", key.AsString(), "'");
    case ValueKind::kBytes:
      return absl::StrCat("b'", absl::CHexEscape(key.AsString()), "'");
    case ValueKind::kTuple: {
      const std::string items = KeyItems(key, depth);
      return key.ClassName() == "torch.Size"
                 ? absl::StrCat("torch.Size([", items, "])")
                 : absl::StrCat("(", items, key.size() == 1 ? ",)" : ")");
    }
    case ValueKind::kSet:
      return key.size() == 0
                 ? "frozenset()"
                 : absl::StrCat("frozenset({", KeyItems(key, depth), "})");
    case ValueKind::kOpaque:
      if (key.ClassName() == "range" && key.size() == 3) {
        const std::string items = KeyItems(key, depth);
        return absl::StrCat("range(", absl::StripSuffix(items, ", 1"), ")");
      }
      return ValueText(key);
    default:
      return ValueText(key);
  }
}

class Namer {
 public:
  Namer(ValueGraph& graph, std::vector<TensorEntry> unnamed,
        const NamingLimits& limits, std::vector<ValuePlace>* places)
      : graph_(graph),
        unnamed_(std::move(unnamed)),
        limits_(limits),
        places_(places) {}

  absl::StatusOr<std::vector<TensorEntry>> Run(ValueId root);

 private:
  // One of the things inside a value, and what it adds to the name: the text in
  // the graph, or one made for it.
  struct Child {
    absl::string_view key() const { return made_key.empty() ? text : made_key; }

    absl::string_view text;
    std::string made_key;
    ValueId id;
    ValuePlace place;
    bool is_persistent = true;
    bool adds_key = true;
  };
  // A module, whose other attributes are yet to be looked at.
  struct Module {
    ValueId state;
    std::string name;
    bool has_key;
  };
  // A value whose children are being visited.
  struct Frame {
    ValueId id;
    std::vector<Child> children;
    size_t next = 0;
    size_t name_size;  // of the name when it was entered
    bool has_key;      // whether any key stands before it
  };

  absl::Status Walk(ValueId id, ValuePlace place, bool has_key,
                    bool is_persistent);
  absl::Status WalkRest(const Module& module);
  absl::Status Enter(ValueId id, ValuePlace place, bool has_key,
                     bool is_persistent);
  absl::Status AddTensor(ValueId id, ValuePlace place, bool is_persistent);
  // Of a kTensor value.
  size_t IndexOf(ValueId id) const {
    return static_cast<size_t>(std::get<int64_t>(graph_.node(id).data));
  }
  // Whether it had an entry when it was named before, or was never named.
  bool HasIndex(ValueId id) const {
    return std::get<int64_t>(graph_.node(id).data) >= 0;
  }
  int64_t& FirstEntry(ValueId id) { return first_entry_[IndexOf(id)]; }
  // Adds to one of the totals below, which `limits_` bound.
  absl::Status CountBytes(size_t size, size_t& total) const;
  std::vector<Child> ChildrenOf(Value value) const;
  static Child ChildAt(Value dict, size_t i);
  static void AddAttributes(Value state, std::vector<Child>& children);
  static bool IsModule(Value attributes);
  static void AddModuleChildren(Value attributes, std::vector<Child>& children);

  ValueGraph& graph_;
  std::vector<TensorEntry> unnamed_;
  const NamingLimits limits_;
  std::vector<ValuePlace>* const places_;  // may be null
  std::vector<TensorEntry> named_;
  // By unnamed_'s index; -1 where there is none. What has one, has moved there.
  std::vector<int64_t> first_entry_;
  std::vector<bool> entered_;  // by value: on the way to here
  std::vector<bool> known_;    // by value: whether entered before
  std::vector<Frame> frames_;
  std::vector<Module> modules_;  // each once
  bool is_rest_ = false;         // only what has no entry yet is looked at
  std::string name_;
  size_t visits_ = 0;
  size_t items_ = 0;       // in all values known_
  size_t name_bytes_ = 0;  // of tensors and modules
  size_t key_bytes_ = 0;   // as often as they are looked at
};

// What is in a dict under `key`.
Namer::Child Namer::ChildAt(Value dict, size_t i) {
  Child child = {.id = dict.value(i).id(), .place = {dict.id(), 2 * i + 1}};
  if (dict.key(i).kind() == ValueKind::kString) {
    child.text = dict.key(i).AsString();
  } else {
    child.made_key = KeyText(dict.key(i));
  }
  return child;
}

bool Namer::IsModule(Value attributes) {
  return attributes.Find("_parameters").has_value() &&
         attributes.Find("_buffers").has_value() &&
         attributes.Find("_modules").has_value();
}

void Namer::AddModuleChildren(Value attributes, std::vector<Child>& children) {
  const auto add_all = [&children](Value dict, auto is_persistent) {
    if (dict.kind() != ValueKind::kDict) {
      return;
    }
    for (size_t i = 0; i < dict.size(); ++i) {
      children.push_back(ChildAt(dict, i));
      children.back().is_persistent = is_persistent(dict.key(i));
    }
  };
  const auto always = [](Value) { return true; };
  add_all(*attributes.Find("_parameters"), always);
  const auto left_out = attributes.Find("_non_persistent_buffers_set");
  add_all(*attributes.Find("_buffers"), [&left_out](Value name) {
    if (!left_out || left_out->kind() != ValueKind::kSet ||
        name.kind() != ValueKind::kString) {
      return true;
    }
    for (size_t i = 0; i < left_out->size(); ++i) {
      const Value item = (*left_out)[i];
      if (item.kind() == ValueKind::kString &&
          item.AsString() == name.AsString()) {
        return false;
      }
    }
    return true;
  });
  add_all(*attributes.Find("_modules"), always);
}

// Whether it is a state by attributes: a dict, or one or None with another for
// what is in slots (CPython's copyreg.__reduce_ex__).
bool IsAttributes(Value state, int depth = 0) {
  constexpr int kMaxDepth = 2;
  return state.kind() == ValueKind::kDict ||
         (state.kind() == ValueKind::kNone && depth > 0) ||
         (state.kind() == ValueKind::kTuple && state.size() == 2 &&
          depth < kMaxDepth && IsAttributes(state[0], depth + 1) &&
          IsAttributes(state[1], depth + 1));
}

// Whether it is the state of a TorchScript object: with the name of its type.
bool IsScriptState(Value state) {
  return state.kind() == ValueKind::kTuple && state.size() == 2 &&
         state[1].kind() == ValueKind::kString &&
         absl::StartsWith(state[1].AsString(), "__torch__");
}

// What an object's state holds, under its own names.
void Namer::AddAttributes(Value state, std::vector<Child>& children) {
  if (IsScriptState(state)) {
    children.push_back({.id = state[0].id(), .adds_key = false});
  } else if (state.kind() == ValueKind::kTuple && IsAttributes(state)) {
    AddAttributes(state[0], children);
    AddAttributes(state[1], children);
  } else if (state.kind() == ValueKind::kDict ||
             state.kind() == ValueKind::kTuple) {
    children.push_back({.id = state.id(), .adds_key = false});
  }
}

std::vector<Namer::Child> Namer::ChildrenOf(Value value) const {
  std::vector<Child> children;
  switch (value.kind()) {
    case ValueKind::kDict:
      children.reserve(value.size());
      for (size_t i = 0; i < value.size(); ++i) {
        children.push_back(ChildAt(value, i));
      }
      break;
    case ValueKind::kList:
    case ValueKind::kTuple:
      for (size_t i = 0; i < value.size(); ++i) {
        children.push_back({.made_key = absl::StrCat(i),
                            .id = value[i].id(),
                            .place = {value.id(), i}});
      }
      break;
    case ValueKind::kOpaque: {
      const Value state = value.state();
      if (IsModule(state)) {
        AddModuleChildren(state, children);
        break;
      }
      for (size_t i = 0; i < value.size(); ++i) {
        children.push_back({.made_key = absl::StrCat(i),
                            .id = value[i].id(),
                            .place = {value.id(), i}});
      }
      AddAttributes(state, children);
      break;
    }
    case ValueKind::kTensor:
      AddAttributes(value.state(), children);
      break;
    default:
      break;
  }
  return children;
}

absl::Status Namer::CountBytes(size_t size, size_t& total) const {
  total += size;
  if (total > limits_.max_name_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the names of the tensors take more than ",
                     limits_.max_name_bytes, " bytes"));
  }
  return absl::OkStatus();
}

absl::Status Namer::AddTensor(ValueId id, ValuePlace place,
                              bool is_persistent) {
  const size_t max_entries =
      std::min(limits_.max_entries,
               kFreeEntries + limits_.max_entries_per_item * items_);
  if (named_.size() >= max_entries) {
    return absl::ResourceExhaustedError(
        absl::StrCat("tensors are in more than ", max_entries, " places"));
  }
  HOIST_RETURN_IF_ERROR(CountBytes(name_.size(), name_bytes_));
  int64_t& first = FirstEntry(id);
  if (first < 0) {
    first = static_cast<int64_t>(named_.size());
    named_.push_back(std::move(unnamed_[IndexOf(id)]));
  } else {
    named_.push_back(TensorEntry(named_[static_cast<size_t>(first)]));
  }
  named_.back().name = name_;
  named_.back().is_persistent = is_persistent;
  if (places_ != nullptr) {
    places_->push_back(place);
  }
  return absl::OkStatus();
}

absl::Status Namer::Enter(ValueId id, ValuePlace place, bool has_key,
                          bool is_persistent) {
  if (++visits_ > limits_.max_visits) {
    return absl::ResourceExhaustedError(
        absl::StrCat("values are inside each other in more than ",
                     limits_.max_visits, " places"));
  }
  const Value value(&graph_, id);
  const bool is_tensor = value.kind() == ValueKind::kTensor && HasIndex(id);
  if (is_rest_ && (known_[id] || (is_tensor && FirstEntry(id) >= 0))) {
    return absl::OkStatus();
  }
  if (is_tensor) {
    HOIST_RETURN_IF_ERROR(AddTensor(id, place, is_persistent && !is_rest_));
  }
  if (entered_[id]) {
    return absl::OkStatus();
  }
  std::vector<Child> children = ChildrenOf(value);
  for (const Child& child : children) {
    // Keys may be long, and what has them in many places.
    HOIST_RETURN_IF_ERROR(CountBytes(child.key().size(), key_bytes_));
  }
  const bool is_module =
      value.kind() == ValueKind::kOpaque && IsModule(value.state());
  if (!children.empty() || is_module) {
    entered_[id] = true;
    if (!known_[id]) {
      known_[id] = true;
      items_ += children.size();
      if (is_module) {
        modules_.push_back(
            {.state = value.state().id(), .name = name_, .has_key = has_key});
        HOIST_RETURN_IF_ERROR(CountBytes(name_.size(), name_bytes_));
      }
    }
    frames_.push_back({.id = id,
                       .children = std::move(children),
                       .name_size = name_.size(),
                       .has_key = has_key});
  }
  return absl::OkStatus();
}

absl::Status Namer::Walk(ValueId id, ValuePlace place, bool has_key,
                         bool is_persistent) {
  HOIST_RETURN_IF_ERROR(Enter(id, place, has_key, is_persistent));
  while (!frames_.empty()) {
    Frame& frame = frames_.back();
    name_.resize(frame.name_size);
    if (frame.next == frame.children.size()) {
      entered_[frame.id] = false;
      frames_.pop_back();
      continue;
    }
    const Child child = std::move(frame.children[frame.next++]);
    bool has_child_key = frame.has_key;
    if (child.adds_key) {
      absl::StrAppend(&name_, has_child_key ? "." : "", child.key());
      has_child_key = true;
    }
    HOIST_RETURN_IF_ERROR(
        Enter(child.id, child.place, has_child_key, child.is_persistent));
  }
  return absl::OkStatus();
}

absl::Status Namer::WalkRest(const Module& module) {
  const Value state(&graph_, module.state);
  for (size_t i = 0; i < state.size(); ++i) {
    const std::string key = KeyText(state.key(i));
    if (key == "_parameters" || key == "_buffers" || key == "_modules") {
      continue;
    }
    name_ = absl::StrCat(module.name, module.has_key ? "." : "", key);
    HOIST_RETURN_IF_ERROR(Walk(state.value(i).id(), {state.id(), 2 * i + 1},
                               /*has_key=*/true,
                               /*is_persistent=*/false));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<TensorEntry>> Namer::Run(ValueId root) {
  first_entry_.assign(unnamed_.size(), -1);
  entered_.assign(graph_.size(), false);
  known_.assign(graph_.size(), false);
  named_.reserve(unnamed_.size());
  HOIST_RETURN_IF_ERROR(Walk(root, {}, /*has_key=*/false, true));
  is_rest_ = true;
  // More may be found on the way.
  for (size_t i = 0; i < modules_.size(); ++i) {
    const Module module = std::move(modules_[i]);
    HOIST_RETURN_IF_ERROR(WalkRest(module));
  }
  for (ValueId id = 0; id < graph_.size(); ++id) {
    if (graph_.node(id).kind == ValueKind::kTensor && HasIndex(id)) {
      graph_.node(id).data = FirstEntry(id);
    }
  }
  return std::move(named_);
}

}  // namespace

absl::StatusOr<std::vector<TensorEntry>> NameTensors(
    ValueGraph& graph, ValueId root, std::vector<TensorEntry> unnamed,
    const NamingLimits& limits, std::vector<ValuePlace>* places) {
  return Namer(graph, std::move(unnamed), limits, places).Run(root);
}

}  // namespace hoist
