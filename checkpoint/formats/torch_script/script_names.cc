#include "hoist/checkpoint/formats/torch_script/script_names.h"

#include <iterator>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

enum class Role {
  kParameter,
  kBuffer,
  kModule,
  kOther,  // in no state dict, like all that is inside it
};

class Namer {
 public:
  Namer(ValueGraph& graph, const std::vector<TensorEntry>& unnamed,
        ScriptClasses& classes, const NamingLimits& limits)
      : graph_(graph),
        unnamed_(unnamed),
        classes_(classes),
        limits_(limits),
        first_of_state_(graph.size(), -1),
        first_of_others_(graph.size(), -1),
        entered_(graph.size(), false) {}

  absl::Status Walk(ValueId root, Role role, absl::string_view name);
  ScriptTensors Finish();

 private:
  // One of the things inside a value.
  struct Child {
    std::string key;
    ValueId id;
    Role role = Role::kOther;
  };
  // A value whose children are being visited.
  struct Frame {
    ValueId id;
    std::vector<Child> children;
    size_t next = 0;
    size_t name_size;  // of the name when it was entered
  };

  absl::Status Enter(ValueId id, Role role);
  absl::Status AddTensor(ValueId id, Role role);
  // Adds to one of the totals below, which `limits_` bound.
  absl::Status CountBytes(size_t size, size_t& total) const;
  std::vector<Child> ChildrenOf(Value value, Role role);
  std::vector<Child> ChildrenOfModule(Value state, const ScriptClass* type);
  // Whether it is a tensor, or a value that stands for one that is made of
  // others (composite_tensors.h).
  static bool IsTensor(Value value);
  // Whether a value is a module with a dict of attributes.
  bool IsModule(Value value);
  static void AddItems(Value value, std::vector<Child>& children);

  ValueGraph& graph_;
  const std::vector<TensorEntry>& unnamed_;
  ScriptClasses& classes_;
  const NamingLimits limits_;
  std::vector<TensorEntry> state_;
  std::vector<TensorEntry> others_;
  std::vector<int64_t> first_of_state_;  // by value; -1 where there is none
  std::vector<int64_t> first_of_others_;
  std::vector<bool> entered_;  // by value: on the way to here
  std::vector<Frame> frames_;
  std::vector<std::string> warnings_;
  std::string name_;
  size_t visits_ = 0;
  size_t name_bytes_ = 0;
  size_t key_bytes_ = 0;  // as often as they are looked at
};

bool Namer::IsTensor(Value value) {
  return value.kind() == ValueKind::kTensor ||
         (value.kind() == ValueKind::kOpaque &&
          (absl::StartsWith(value.ClassName(), "torch.sparse_") ||
           absl::StartsWith(value.ClassName(), "torch.nested.")));
}

bool Namer::IsModule(Value value) {
  if (value.kind() != ValueKind::kOpaque ||
      value.state().kind() != ValueKind::kDict) {
    return false;
  }
  const ScriptClass* const type = classes_.Find(value.ClassName());
  return type != nullptr ? type->is_module && !type->has_setstate
                         : value.state().Find("training").has_value();
}

void Namer::AddItems(Value value, std::vector<Child>& children) {
  switch (value.kind()) {
    case ValueKind::kDict:
      for (size_t i = 0; i < value.size(); ++i) {
        children.push_back(
            {.key = ValueText(value.key(i)), .id = value.value(i).id()});
      }
      break;
    case ValueKind::kList:
    case ValueKind::kTuple:
    case ValueKind::kOpaque:
      for (size_t i = 0; i < value.size(); ++i) {
        children.push_back({.key = absl::StrCat(i), .id = value[i].id()});
      }
      break;
    default:
      break;
  }
}

std::vector<Namer::Child> Namer::ChildrenOfModule(Value state,
                                                  const ScriptClass* type) {
  std::vector<Child> attributes;
  AddItems(state, attributes);
  for (Child& child : attributes) {
    const Value value(&graph_, child.id);
    if (IsTensor(value)) {
      if (type == nullptr) {
        child.role =
            value.kind() == ValueKind::kTensor &&
                    unnamed_[static_cast<size_t>(value.AsIndex())].requires_grad
                ? Role::kParameter
                : Role::kBuffer;
      } else if (type->parameters.contains(child.key)) {
        child.role = Role::kParameter;
      } else if (type->buffers.contains(child.key)) {
        child.role = Role::kBuffer;
      }
    } else if (IsModule(value)) {
      child.role = Role::kModule;
    }
  }
  std::vector<Child> children;
  for (const Role role :
       {Role::kParameter, Role::kBuffer, Role::kModule, Role::kOther}) {
    for (const Child& child : attributes) {
      if (child.role == role) {
        children.push_back(child);
      }
    }
  }
  return children;
}

std::vector<Namer::Child> Namer::ChildrenOf(Value value, Role role) {
  if (role == Role::kModule) {
    return ChildrenOfModule(value.state(), classes_.Find(value.ClassName()));
  }
  std::vector<Child> children;
  if (value.kind() == ValueKind::kTensor) {
    // The scales of a quantized one.
    AddItems(value.state(), children);
  } else {
    AddItems(value, children);
  }
  if (value.kind() == ValueKind::kOpaque) {
    // The attributes, under their own names.
    AddItems(value.state(), children);
    const std::string name = value.ClassName();
    const ScriptClass* const type = classes_.Find(name);
    if (type != nullptr && type->is_module && type->has_setstate) {
      warnings_.push_back(absl::StrCat(
          name_.empty() ? "The module" : name_, ": ", name,
          " has a __setstate__ of its own, which Hoist never runs: its tensors "
          "have the names that they have in its state"));
    }
  }
  // The parts of a tensor are what it is.
  for (Child& child : children) {
    child.role = IsTensor(value) ? role : Role::kOther;
  }
  return children;
}

absl::Status Namer::CountBytes(size_t size, size_t& total) const {
  total += size;
  if (total > limits_.max_name_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("The names of the tensors take more than ",
                     limits_.max_name_bytes, " bytes"));
  }
  return absl::OkStatus();
}

absl::Status Namer::AddTensor(ValueId id, Role role) {
  const int64_t index = std::get<int64_t>(graph_.node(id).data);
  TensorEntry entry = unnamed_[static_cast<size_t>(index)];
  entry.name = name_;
  entry.is_parameter = role == Role::kParameter;
  entry.is_persistent = role != Role::kOther;
  if (entry.location == "meta") {
    entry.storage.reset();
  }
  HOIST_RETURN_IF_ERROR(CountBytes(name_.size(), name_bytes_));
  auto& entries = entry.is_persistent ? state_ : others_;
  auto& first = entry.is_persistent ? first_of_state_ : first_of_others_;
  if (first[id] < 0) {
    first[id] = static_cast<int64_t>(entries.size());
  }
  entries.push_back(std::move(entry));
  return absl::OkStatus();
}

absl::Status Namer::Enter(ValueId id, Role role) {
  if (++visits_ > limits_.max_visits) {
    return absl::ResourceExhaustedError(
        absl::StrCat("Values are inside each other in more than ",
                     limits_.max_visits, " places"));
  }
  const Value value(&graph_, id);
  if (value.kind() == ValueKind::kTensor) {
    HOIST_RETURN_IF_ERROR(AddTensor(id, role));
  }
  if (entered_[id]) {
    return absl::OkStatus();
  }
  std::vector<Child> children = ChildrenOf(value, role);
  for (const Child& child : children) {
    // Keys may be long, and what has them in many places.
    HOIST_RETURN_IF_ERROR(CountBytes(child.key.size(), key_bytes_));
  }
  if (!children.empty()) {
    entered_[id] = true;
    frames_.push_back(
        {.id = id, .children = std::move(children), .name_size = name_.size()});
  }
  return absl::OkStatus();
}

absl::Status Namer::Walk(ValueId root, Role role, absl::string_view name) {
  name_ = std::string(name);
  if (role == Role::kModule && !IsModule(Value(&graph_, root))) {
    role = Role::kOther;
  }
  HOIST_RETURN_IF_ERROR(Enter(root, role));
  while (!frames_.empty()) {
    Frame& frame = frames_.back();
    name_.resize(frame.name_size);
    if (frame.next == frame.children.size()) {
      entered_[frame.id] = false;
      frames_.pop_back();
      continue;
    }
    const Child child = std::move(frame.children[frame.next++]);
    const bool is_constant = name_ == "CONSTANTS" && frames_.size() == 1;
    absl::StrAppend(&name_, name_.empty() ? "" : ".", is_constant ? "c" : "",
                    child.key);
    HOIST_RETURN_IF_ERROR(Enter(child.id, child.role));
  }
  return absl::OkStatus();
}

ScriptTensors Namer::Finish() {
  const auto of_state = static_cast<int64_t>(state_.size());
  for (size_t id = 0; id < entered_.size(); ++id) {
    ValueGraph::Node& node = graph_.node(static_cast<ValueId>(id));
    if (node.kind == ValueKind::kTensor) {
      node.data = first_of_state_[id] >= 0    ? first_of_state_[id]
                  : first_of_others_[id] >= 0 ? of_state + first_of_others_[id]
                                              : int64_t{-1};
    }
  }
  state_.insert(state_.end(), std::make_move_iterator(others_.begin()),
                std::make_move_iterator(others_.end()));
  return {.tensors = std::move(state_), .warnings = std::move(warnings_)};
}

}  // namespace

absl::StatusOr<ScriptTensors> NameScriptTensors(
    ValueGraph& graph, ValueId root, ValueId constants,
    const std::vector<TensorEntry>& unnamed, ScriptClasses& classes,
    const NamingLimits& limits) {
  Namer namer(graph, unnamed, classes, limits);
  HOIST_RETURN_IF_ERROR(namer.Walk(root, Role::kModule, ""));
  HOIST_RETURN_IF_ERROR(namer.Walk(constants, Role::kOther, "CONSTANTS"));
  return namer.Finish();
}

}  // namespace hoist
