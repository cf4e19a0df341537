#include "hoist/checkpoint/pickle/torch_vocabulary.h"

#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/pickle/composite_tensors.h"
#include "hoist/checkpoint/pickle/object_states.h"
#include "hoist/checkpoint/pickle/python_types.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

constexpr absl::string_view kUntyped = "UntypedStorage";

// "torch.float16", a class in a pickle, to its DType.
std::optional<DType> DTypeOf(Value value) {
  constexpr absl::string_view kPrefix = "torch.";
  if (value.kind() != ValueKind::kClass) {
    return std::nullopt;
  }
  const absl::string_view name = value.AsString();
  if (name.substr(0, kPrefix.size()) != kPrefix) {
    return std::nullopt;
  }
  return DTypeFromName(name.substr(kPrefix.size()));
}

absl::string_view LastPart(absl::string_view name) {
  const size_t dot = name.rfind('.');
  return dot == absl::string_view::npos ? name : name.substr(dot + 1);
}

}  // namespace

std::optional<DType> StorageClassDType(absl::string_view class_name) {
  static const auto* const dtypes =
      new absl::flat_hash_map<absl::string_view, DType>{
          {"DoubleStorage", DType::kFloat64},
          {"FloatStorage", DType::kFloat32},
          {"HalfStorage", DType::kFloat16},
          {"BFloat16Storage", DType::kBfloat16},
          {"LongStorage", DType::kInt64},
          {"IntStorage", DType::kInt32},
          {"ShortStorage", DType::kInt16},
          {"CharStorage", DType::kInt8},
          {"ByteStorage", DType::kUint8},
          {"BoolStorage", DType::kBool},
          {"ComplexDoubleStorage", DType::kComplex128},
          {"ComplexFloatStorage", DType::kComplex64},
          {"ComplexHalfStorage", DType::kComplex32},
          {"QInt8Storage", DType::kQint8},
          {"QInt32Storage", DType::kQint32},
          {"QUInt8Storage", DType::kQuint8},
          {"QUInt4x2Storage", DType::kQuint4x2},
          {"QUInt2x4Storage", DType::kQuint2x4},
          {kUntyped, DType::kUint8},
          {"_UntypedStorage", DType::kUint8},
      };
  const auto dtype = dtypes->find(LastPart(class_name));
  if (dtype == dtypes->end()) {
    return std::nullopt;
  }
  return dtype->second;
}

// The arguments of one rebuild function, by position.
class TorchVocabulary::Arguments {
 public:
  Arguments(const ValueGraph& graph, absl::Span<const ValueId> ids)
      : graph_(graph), ids_(ids) {}

  size_t size() const { return ids_.size(); }
  Value operator[](size_t i) const { return Value(&graph_, ids_[i]); }
  ValueId id(size_t i) const { return ids_[i]; }

  absl::Status ExpectAtLeast(size_t count) const {
    if (ids_.size() < count) {
      return absl::DataLossError(absl::StrCat("it has ", ids_.size(),
                                              " arguments, and needs ", count));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<int64_t> Int(size_t i) const { return IntOf((*this)[i], i); }

  absl::StatusOr<bool> Bool(size_t i) const {
    if ((*this)[i].kind() != ValueKind::kBool) {
      return Unexpected(i, "a bool");
    }
    return (*this)[i].AsBool();
  }

  // A tuple or list of integers: sizes or strides.
  absl::StatusOr<std::vector<int64_t>> Ints(size_t i) const {
    const Value value = (*this)[i];
    if (value.kind() != ValueKind::kTuple && value.kind() != ValueKind::kList) {
      return Unexpected(i, "a tuple");
    }
    // Each tensor copies them, and a long tuple can be given to many.
    constexpr size_t kMaxDimensions = 1000;
    if (value.size() > kMaxDimensions) {
      return absl::DataLossError(
          absl::StrCat("argument ", i, " has ", value.size(), " dimensions"));
    }
    std::vector<int64_t> ints;
    ints.reserve(value.size());
    for (size_t j = 0; j < value.size(); ++j) {
      HOIST_ASSIGN_OR_RETURN(const int64_t item, IntOf(value[j], i));
      ints.push_back(item);
    }
    return ints;
  }

  absl::StatusOr<DType> Dtype(size_t i) const {
    const auto dtype = DTypeOf((*this)[i]);
    if (dtype) {
      return *dtype;
    }
    if ((*this)[i].kind() == ValueKind::kClass) {
      return absl::UnimplementedError(
          absl::StrCat("the dtype ", (*this)[i].AsString(), " is not known"));
    }
    return Unexpected(i, "a dtype");
  }

  absl::Status Unexpected(size_t i, absl::string_view wanted) const {
    return absl::DataLossError(absl::StrCat(
        "argument ", i, " is a ", (*this)[i].ClassName(), ", not ", wanted));
  }

 private:
  absl::StatusOr<int64_t> IntOf(Value value, size_t i) const {
    if (value.kind() != ValueKind::kInt) {
      return Unexpected(i, "of integers");
    }
    return value.AsInt();
  }

  const ValueGraph& graph_;
  const absl::Span<const ValueId> ids_;
};

namespace {

// Each tensor copies it. The longest real ones have 15 bytes
// ("privateuseone:0").
absl::Status CheckLocation(absl::string_view location) {
  constexpr size_t kMaxLocationBytes = 64;
  if (location.size() > kMaxLocationBytes) {
    return absl::DataLossError(
        absl::StrCat("its location has ", location.size(), " bytes"));
  }
  return absl::OkStatus();
}

// conj and neg of the dict that newer rebuild functions may end with.
absl::Status ReadLazyBits(Value metadata, TensorEntry& tensor) {
  if (metadata.kind() != ValueKind::kDict) {
    return absl::DataLossError("its metadata is no dict");
  }
  // Real ones have two, and one dict can be given to many tensors.
  constexpr size_t kMaxFlags = 16;
  if (metadata.size() > kMaxFlags) {
    return absl::DataLossError(
        absl::StrCat("its metadata has ", metadata.size(), " flags"));
  }
  for (size_t i = 0; i < metadata.size(); ++i) {
    if (metadata.key(i).kind() != ValueKind::kString ||
        metadata.value(i).kind() != ValueKind::kBool) {
      return absl::DataLossError("its metadata has other entries than flags");
    }
    const absl::string_view key = metadata.key(i).AsString();
    const bool is_set = metadata.value(i).AsBool();
    if (key == "conj") {
      tensor.is_conjugate = is_set;
    } else if (key == "neg") {
      tensor.is_negative = is_set;
    } else if (is_set) {
      return absl::UnimplementedError(
          absl::StrCat("the tensor flag ", key, " is not known"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<int64_t> TorchVocabulary::AddEntry(TensorEntry tensor) {
  HOIST_RETURN_IF_ERROR(CheckLocation(tensor.location));
  // A call of a few bytes copies them all.
  constexpr size_t kFreeDimensions = 65'536;
  constexpr size_t kDimensionsEach = 16;
  dimensions_ += tensor.spec.shape.size();
  if (dimensions_ > kFreeDimensions + kDimensionsEach * tensors_.size()) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the first ", tensors_.size() + 1, " tensors have ",
                     dimensions_, " dimensions altogether"));
  }
  tensors_.push_back(std::move(tensor));
  return static_cast<int64_t>(tensors_.size() - 1);
}

absl::StatusOr<ValueId> TorchVocabulary::AddTensor(ValueGraph& graph,
                                                   TensorEntry tensor) {
  HOIST_ASSIGN_OR_RETURN(const int64_t index, AddEntry(std::move(tensor)));
  return graph.Add({.kind = ValueKind::kTensor, .data = index});
}

// (storage, offset, size, stride)
absl::StatusOr<ValueId> TorchVocabulary::RebuildTensor(
    ValueGraph& graph, const Arguments& arguments) {
  HOIST_RETURN_IF_ERROR(arguments.ExpectAtLeast(4));
  if (arguments[0].kind() != ValueKind::kStorage) {
    return arguments.Unexpected(0, "a storage");
  }
  const PickledStorage& storage = storages_[arguments[0].AsIndex()];
  TensorEntry tensor;
  tensor.storage = storage.index;
  tensor.location = storage.location;
  tensor.spec.dtype = storage.dtype;
  HOIST_ASSIGN_OR_RETURN(tensor.storage_offset, arguments.Int(1));
  HOIST_ASSIGN_OR_RETURN(tensor.spec.shape, arguments.Ints(2));
  HOIST_ASSIGN_OR_RETURN(tensor.spec.strides, arguments.Ints(3));
  return AddTensor(graph, std::move(tensor));
}

// (storage, offset, size, stride, requires_grad, hooks[, metadata])
absl::StatusOr<ValueId> TorchVocabulary::RebuildTensorV2(
    ValueGraph& graph, const Arguments& arguments) {
  HOIST_RETURN_IF_ERROR(arguments.ExpectAtLeast(6));
  HOIST_ASSIGN_OR_RETURN(const ValueId id, RebuildTensor(graph, arguments));
  TensorEntry& tensor = tensors_.back();
  HOIST_ASSIGN_OR_RETURN(tensor.requires_grad, arguments.Bool(4));
  if (arguments.size() > 6) {
    HOIST_RETURN_IF_ERROR(ReadLazyBits(arguments[6], tensor));
  }
  return id;
}

// (storage, offset, size, stride, requires_grad, hooks, dtype[, metadata])
absl::StatusOr<ValueId> TorchVocabulary::RebuildTensorV3(
    ValueGraph& graph, const Arguments& arguments) {
  HOIST_RETURN_IF_ERROR(arguments.ExpectAtLeast(7));
  HOIST_ASSIGN_OR_RETURN(const ValueId id, RebuildTensor(graph, arguments));
  TensorEntry& tensor = tensors_.back();
  HOIST_ASSIGN_OR_RETURN(tensor.requires_grad, arguments.Bool(4));
  HOIST_ASSIGN_OR_RETURN(tensor.spec.dtype, arguments.Dtype(6));
  if (arguments.size() > 7) {
    HOIST_RETURN_IF_ERROR(ReadLazyBits(arguments[7], tensor));
  }
  return id;
}

// (storage, offset, size, stride, quantizer, requires_grad, hooks): the tensor
// of integers, with the quantizer as its state.
absl::StatusOr<ValueId> TorchVocabulary::RebuildQuantized(
    ValueGraph& graph, const Arguments& arguments) {
  HOIST_RETURN_IF_ERROR(arguments.ExpectAtLeast(7));
  HOIST_ASSIGN_OR_RETURN(const ValueId id, RebuildTensor(graph, arguments));
  HOIST_ASSIGN_OR_RETURN(tensors_.back().requires_grad, arguments.Bool(5));
  const ValueId state = QuantizerState(graph, arguments[4]);
  graph.node(id).state = state;
  return id;
}

// (dtype, size, stride, requires_grad)
absl::StatusOr<ValueId> TorchVocabulary::RebuildMeta(
    ValueGraph& graph, const Arguments& arguments) {
  HOIST_RETURN_IF_ERROR(arguments.ExpectAtLeast(4));
  TensorEntry tensor;
  tensor.location = "meta";
  HOIST_ASSIGN_OR_RETURN(tensor.spec.dtype, arguments.Dtype(0));
  HOIST_ASSIGN_OR_RETURN(tensor.spec.shape, arguments.Ints(1));
  HOIST_ASSIGN_OR_RETURN(tensor.spec.strides, arguments.Ints(2));
  HOIST_ASSIGN_OR_RETURN(tensor.requires_grad, arguments.Bool(3));
  return AddTensor(graph, std::move(tensor));
}

// (data, requires_grad, hooks[, state])
absl::StatusOr<ValueId> TorchVocabulary::RebuildParameter(
    ValueGraph& graph, const Arguments& arguments) {
  HOIST_RETURN_IF_ERROR(arguments.ExpectAtLeast(3));
  if (arguments[0].kind() == ValueKind::kOpaque) {
    // Made of several tensors, or of a class that is not known.
    return arguments.id(0);
  }
  if (arguments[0].kind() != ValueKind::kTensor) {
    return arguments.Unexpected(0, "a tensor");
  }
  TensorEntry parameter = tensors_[arguments[0].AsIndex()];
  parameter.is_parameter = true;
  HOIST_ASSIGN_OR_RETURN(parameter.requires_grad, arguments.Bool(1));
  // Of a quantized tensor, its quantizer.
  ValueId state = arguments[0].state().id();
  if (arguments.size() > 3) {
    state = state == ValueGraph::kNoneId
                ? arguments.id(3)
                : JoinedState(graph, state, arguments.id(3));
  }
  HOIST_ASSIGN_OR_RETURN(const ValueId id,
                         AddTensor(graph, std::move(parameter)));
  graph.node(id).state = state;
  return id;
}

// (tensor on the CPU, dtype, device, requires_grad): of a device whose memory
// has no storages.
absl::StatusOr<ValueId> TorchVocabulary::RebuildFromCpu(
    ValueGraph& graph, const Arguments& arguments) {
  HOIST_RETURN_IF_ERROR(arguments.ExpectAtLeast(4));
  if (arguments[0].kind() != ValueKind::kTensor) {
    return arguments.Unexpected(0, "a tensor");
  }
  if (arguments[2].kind() != ValueKind::kString) {
    return arguments.Unexpected(2, "text");
  }
  TensorEntry tensor = tensors_[arguments[0].AsIndex()];
  tensor.location = std::string(arguments[2].AsString());
  HOIST_ASSIGN_OR_RETURN(tensor.requires_grad, arguments.Bool(3));
  return AddTensor(graph, std::move(tensor));
}

struct TorchVocabulary::Rebuild {
  absl::string_view name;
  absl::StatusOr<ValueId> (TorchVocabulary::*run)(ValueGraph&,
                                                  const Arguments&);
};

const TorchVocabulary::Rebuild* TorchVocabulary::FindRebuild(
    absl::string_view callable) {
  static constexpr Rebuild kRebuilds[] = {
      {"torch._utils._rebuild_tensor", &TorchVocabulary::RebuildTensor},
      {"torch._utils._rebuild_tensor_v2", &TorchVocabulary::RebuildTensorV2},
      {"torch._utils._rebuild_tensor_v3", &TorchVocabulary::RebuildTensorV3},
      {"torch._utils._rebuild_parameter", &TorchVocabulary::RebuildParameter},
      {"torch._utils._rebuild_parameter_with_state",
       &TorchVocabulary::RebuildParameter},
      {"torch._utils._rebuild_qtensor", &TorchVocabulary::RebuildQuantized},
      {"torch._utils._rebuild_meta_tensor_no_storage",
       &TorchVocabulary::RebuildMeta},
      {"torch._utils._rebuild_device_tensor_from_cpu_tensor",
       &TorchVocabulary::RebuildFromCpu},
  };
  for (const Rebuild& rebuild : kRebuilds) {
    if (rebuild.name == callable) {
      return &rebuild;
    }
  }
  return nullptr;
}

// (function, type, arguments, state): a tensor of a subclass, or with
// attributes.
absl::StatusOr<std::optional<ValueId>> TorchVocabulary::RebuildFromType(
    ValueGraph& graph, const Arguments& arguments) {
  HOIST_RETURN_IF_ERROR(arguments.ExpectAtLeast(4));
  if (arguments[0].kind() != ValueKind::kClass ||
      arguments[1].kind() != ValueKind::kClass ||
      arguments[2].kind() != ValueKind::kTuple) {
    return absl::DataLossError("its arguments are no function, type and tuple");
  }
  const absl::string_view function = arguments[0].AsString();
  // Real ones have ten at most, and a call of a few bytes copies them.
  constexpr size_t kMaxInnerArguments = 64;
  if (arguments[2].size() > kMaxInnerArguments) {
    return std::nullopt;
  }
  std::vector<ValueId> inner;
  for (size_t i = 0; i < arguments[2].size(); ++i) {
    inner.push_back(arguments[2][i].id());
  }
  const ValueId type = arguments[1].AsString() == "torch.Tensor"
                           ? ValueGraph::kNoneId
                           : arguments.id(1);
  const ValueId state = arguments.id(3);
  const bool is_rebuild = FindRebuild(function) != nullptr;
  std::optional<ValueId> made;
  if (is_rebuild) {
    HOIST_ASSIGN_OR_RETURN(made, Call(graph, function, inner));
  } else {
    made = MakeCompositeTensor(graph, function, inner);
  }
  if (!made) {
    return std::nullopt;
  }
  if (is_rebuild && graph.node(*made).kind != ValueKind::kTensor) {
    // A parameter of an object, which is there already: not to be changed.
    return made;
  }
  // A sparse tensor with attributes keeps its parts as well.
  const bool has_parts =
      !is_rebuild && graph.node(*made).state != ValueGraph::kNoneId;
  if (!has_parts) {
    graph.node(*made).type = type;
  }
  if (state == ValueGraph::kNoneId) {
    return made;
  }
  const ValueId own_state = graph.node(*made).state;
  const ValueId both = own_state == ValueGraph::kNoneId
                           ? state
                           : JoinedState(graph, own_state, state);
  graph.node(*made).state = both;
  return made;
}

// A storage that was pickled by itself: what torch.save wrote of it.
absl::StatusOr<std::optional<ValueId>> TorchVocabulary::LoadEmbedded(
    ValueGraph& graph, const Arguments& arguments) {
  // Python 2 pickles bytes as text.
  if (load_embedded_ == nullptr || arguments.size() != 1 ||
      (arguments[0].kind() != ValueKind::kBytes &&
       arguments[0].kind() != ValueKind::kString)) {
    return std::nullopt;
  }
  HOIST_ASSIGN_OR_RETURN(PickledStorage storage, load_embedded_(arguments[0]));
  return AddStorage(graph, std::move(storage), ValueGraph::kNoneId);
}

absl::StatusOr<std::optional<ValueId>> TorchVocabulary::Call(
    ValueGraph& graph, absl::string_view callable,
    absl::Span<const ValueId> ids) {
  const Arguments arguments(graph, ids);
  if (const Rebuild* const rebuild = FindRebuild(callable)) {
    const auto made = (this->*rebuild->run)(graph, arguments);
    if (!made.ok()) {
      return Annotate(made.status(), callable);
    }
    return *made;
  }
  if (callable == "torch._tensor._rebuild_from_type_v2" ||
      callable == "torch._tensor._rebuild_from_type" ||
      callable == "torch.tensor._rebuild_from_type") {
    auto made = RebuildFromType(graph, arguments);
    return made.ok() ? made : Annotate(made.status(), callable);
  }
  if (callable == "torch.storage._load_from_bytes") {
    auto made = LoadEmbedded(graph, arguments);
    return made.ok() ? made : Annotate(made.status(), callable);
  }
  if (callable == "torch._dynamo.eval_frame.OptimizedModule" && !ids.empty()) {
    const ValueId state = CompiledModuleState(graph, ids[0]);
    const ValueId module = graph.AddItems(
        ValueKind::kOpaque, ids,
        graph.AddClass("torch._dynamo.eval_frame", "OptimizedModule"));
    graph.node(module).state = state;
    return module;
  }
  if (const auto made = MakeCompositeTensor(graph, callable, ids)) {
    return made;
  }
  if (callable == "torch.Size" && ids.size() == 1 &&
      arguments[0].kind() == ValueKind::kTuple) {
    ValueGraph::Node size = graph.node(ids[0]);
    size.type = graph.AddClass("torch", "Size");
    return graph.Add(std::move(size));
  }
  return CallPythonType(graph, callable, ids);
}

absl::StatusOr<ValueId> TorchVocabulary::LoadPersistent(ValueGraph& graph,
                                                        Value id) {
  HOIST_ASSIGN_OR_RETURN(Persistent object, load_persistent_(graph, id));
  if (const ValueId* const value = std::get_if<ValueId>(&object)) {
    return *value;
  }
  PickledStorage& storage = std::get<PickledStorage>(object);
  HOIST_RETURN_IF_ERROR(CheckLocation(storage.location));
  const bool has_class = id.kind() == ValueKind::kTuple && id.size() > 1 &&
                         id[1].kind() == ValueKind::kClass;
  return AddStorage(graph, std::move(storage),
                    has_class ? id[1].id() : ValueGraph::kNoneId);
}

ValueId TorchVocabulary::AddStorage(ValueGraph& graph, PickledStorage storage,
                                    ValueId type) {
  storages_.push_back(std::move(storage));
  return graph.Add({.kind = ValueKind::kStorage,
                    .type = type,
                    .data = static_cast<int64_t>(storages_.size() - 1)});
}

}  // namespace hoist
