#include "hoist/checkpoint/pickle/old_tensors.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

// PyTorch itself computes with up to 64.
constexpr size_t kMaxDimensions = 1000;

// The dtype of a dense tensor class ("torch.FloatTensor",
// "torch.cuda.HalfTensor"); nullopt for another class.
std::optional<DType> TensorClassDType(absl::string_view class_name) {
  if (!absl::ConsumePrefix(&class_name, "torch.")) {
    return std::nullopt;
  }
  absl::ConsumePrefix(&class_name, "cuda.");
  if (!absl::ConsumeSuffix(&class_name, "Tensor") || class_name.empty() ||
      absl::StrContains(class_name, ".")) {
    return std::nullopt;
  }
  return StorageClassDType(absl::StrCat(class_name, "Storage"));
}

// Sizes or strides: their signs are ValidateCatalog()'s affair. Objects may
// share one tuple, and each has a copy: it must not be long.
std::optional<std::vector<int64_t>> IntsOf(Value value) {
  if ((value.kind() != ValueKind::kTuple && value.kind() != ValueKind::kList) ||
      value.size() > kMaxDimensions) {
    return std::nullopt;
  }
  std::vector<int64_t> ints;
  for (size_t i = 0; i < value.size(); ++i) {
    if (value[i].kind() != ValueKind::kInt) {
      return std::nullopt;
    }
    ints.push_back(value[i].AsInt());
  }
  return ints;
}

class Rebuilder {
 public:
  Rebuilder(ValueGraph& graph, TorchVocabulary& vocabulary)
      : graph_(graph), vocabulary_(vocabulary) {}

  absl::Status Run();

 private:
  Value At(ValueId id) const { return Value(&graph_, id); }
  std::string ClassOf(ValueId id) const;
  absl::Status RebuildTensor(ValueId id, DType dtype);
  absl::Status RebuildVariable(ValueId id, bool is_parameter);
  absl::Status Replace(ValueId id, TensorEntry tensor);

  ValueGraph& graph_;
  TorchVocabulary& vocabulary_;
};

// The class of a kOpaque value; "" if it has none.
std::string Rebuilder::ClassOf(ValueId id) const {
  const Value type = At(graph_.node(id).type);
  return type.kind() == ValueKind::kClass ? std::string(type.AsString()) : "";
}

absl::Status Rebuilder::Replace(ValueId id, TensorEntry tensor) {
  HOIST_ASSIGN_OR_RETURN(const int64_t index,
                         vocabulary_.AddEntry(std::move(tensor)));
  graph_.node(id) = {.kind = ValueKind::kTensor, .data = index};
  return absl::OkStatus();
}

absl::Status Rebuilder::RebuildTensor(ValueId id, DType dtype) {
  const Value state = At(id).state();
  if (state.kind() != ValueKind::kTuple || state.size() != 4 ||
      state[0].kind() != ValueKind::kStorage) {
    return absl::OkStatus();
  }
  const auto shape = IntsOf(state[2]);
  const auto strides = IntsOf(state[3]);
  if (state[1].kind() != ValueKind::kInt || !shape || !strides) {
    return absl::DataLossError(
        "its state is not (storage, offset, size, stride)");
  }
  const PickledStorage& storage = vocabulary_.storages()[state[0].AsIndex()];
  if (storage.dtype != dtype) {
    return absl::DataLossError(
        absl::StrCat("it lies over a storage of ", DTypeName(storage.dtype)));
  }
  TensorEntry tensor;
  tensor.storage = storage.index;
  tensor.location = storage.location;
  tensor.spec = {.dtype = dtype, .shape = *shape, .strides = *strides};
  tensor.storage_offset = state[1].AsInt();
  return Replace(id, std::move(tensor));
}

// (data,) with the state (requires_grad, volatile, hooks), or the state
// (data, gradient, hooks, requires_grad, volatile).
absl::Status Rebuilder::RebuildVariable(ValueId id, bool is_parameter) {
  const Value object = At(id);
  const Value state = object.state();
  if (state.kind() != ValueKind::kTuple ||
      (state.size() != 3 && state.size() != 5)) {
    return absl::OkStatus();
  }
  const bool has_data = state.size() == 5;
  const Value requires_grad = state[has_data ? 3 : 0];
  if (requires_grad.kind() != ValueKind::kBool ||
      (!has_data && object.size() == 0)) {
    return absl::OkStatus();
  }
  const Value data = has_data ? state[0] : object[0];
  if (data.kind() != ValueKind::kTensor) {
    return absl::OkStatus();
  }
  TensorEntry variable = vocabulary_.tensors()[data.AsIndex()];
  variable.is_parameter = is_parameter;
  variable.requires_grad = requires_grad.AsBool();
  return Replace(id, std::move(variable));
}

absl::Status Rebuilder::Run() {
  struct Variable {
    ValueId id;
    bool is_parameter;
  };
  std::vector<Variable> variables;
  for (ValueId id = 0; id < graph_.size(); ++id) {
    if (graph_.node(id).kind != ValueKind::kOpaque) {
      continue;
    }
    const std::string name = ClassOf(id);
    if (name == "torch.nn.parameter.Parameter") {
      variables.push_back({.id = id, .is_parameter = true});
    } else if (name == "torch.autograd.variable.Variable") {
      variables.push_back({.id = id, .is_parameter = false});
    } else if (const auto dtype = TensorClassDType(name)) {
      if (absl::Status status = RebuildTensor(id, *dtype); !status.ok()) {
        return Annotate(status, absl::StrCat("An object of class ", name));
      }
    }
  }
  // After the tensors: a state may hold one that the pickle made later.
  for (const Variable& variable : variables) {
    HOIST_RETURN_IF_ERROR(RebuildVariable(variable.id, variable.is_parameter));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RebuildOldTensors(ValueGraph& graph, TorchVocabulary& vocabulary) {
  return Rebuilder(graph, vocabulary).Run();
}

}  // namespace hoist
