#include "hoist/checkpoint/pickle/numpy_values.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "hoist/checkpoint/pickle/numpy_dtype.h"
#include "hoist/core/base/checked_math.h"
#include "hoist/core/base/endian.h"
#include "hoist/core/io/memory_file.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/element_value.h"

namespace hoist {
namespace {

// Where each array starts, for whoever reads it in place.
constexpr size_t kAlignment = 64;
constexpr size_t kMaxDimensions = 64;  // numpy's own limit

bool IsFromNumpy(absl::string_view class_name, absl::string_view module,
                 absl::string_view name) {
  return class_name == absl::StrCat("numpy.core.", module, ".", name) ||
         class_name == absl::StrCat("numpy._core.", module, ".", name);
}

std::optional<std::vector<int64_t>> ShapeOf(Value value) {
  if (value.kind() != ValueKind::kTuple || value.size() > kMaxDimensions) {
    return std::nullopt;
  }
  std::vector<int64_t> shape;
  for (size_t i = 0; i < value.size(); ++i) {
    if (value[i].kind() != ValueKind::kInt || value[i].AsInt() < 0) {
      return std::nullopt;
    }
    shape.push_back(value[i].AsInt());
  }
  return shape;
}

// Whether `axes` are 0 to `count` - 1 in any order.
bool IsPermutation(const std::vector<int64_t>& axes, size_t count) {
  std::vector<int64_t> sorted = axes;
  std::ranges::sort(sorted);
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (sorted[i] != static_cast<int64_t>(i)) {
      return false;
    }
  }
  return sorted.size() == count;
}

// Python 2 pickles bytes as text.
bool IsBytes(Value value) {
  return value.kind() == ValueKind::kBytes ||
         value.kind() == ValueKind::kString;
}

// An array that is still Python's object.
struct Array {
  ValueId bytes = ValueGraph::kNoneId;
  NumpyDType dtype;
  ValueId dtype_id = ValueGraph::kNoneId;
  std::vector<int64_t> shape;
  bool is_fortran = false;
  // Which axis of `shape`, whose last one is the fastest, each one is; empty
  // if each is itself.
  std::vector<int64_t> axes;
  ValueId type = ValueGraph::kNoneId;  // its class
};

class Rebuilder {
 public:
  Rebuilder(ValueGraph& graph, TorchVocabulary& vocabulary, Catalog& catalog)
      : graph_(graph), vocabulary_(vocabulary), catalog_(catalog) {}

  absl::Status Run();

 private:
  Value At(ValueId id) const { return Value(&graph_, id); }
  // Of what _reconstruct(class, ...) made, with the state (version, shape,
  // dtype, is_fortran, bytes).
  std::optional<Array> ReadReconstructed(Value object) const;
  // _frombuffer(bytes, dtype, shape, order[, axes]), of protocol 5.
  std::optional<Array> ReadFromBuffer(Value object) const;
  absl::Status ReplaceArray(ValueId id, const Array& array);
  absl::StatusOr<TensorSpec> SpecOf(const Array& array, DType dtype) const;
  // The storage that has the bytes of a value.
  int StorageOf(ValueId bytes, int swap_bytes);
  // scalar(dtype, bytes).
  void ReplaceScalar(ValueId id);
  // _rebuild_device_tensor_from_numpy(array, dtype, device, requires_grad), of
  // an array that is a tensor by now.
  absl::Status ReplaceDeviceTensor(ValueId id);

  ValueGraph& graph_;
  TorchVocabulary& vocabulary_;
  Catalog& catalog_;
  std::vector<uint8_t> content_;
  absl::flat_hash_map<std::pair<ValueId, int>, int> storages_;
};

std::optional<Array> Rebuilder::ReadReconstructed(Value object) const {
  const Value state = object.state();
  constexpr size_t kStateSize = 5;
  if (object.size() == 0 || object[0].kind() != ValueKind::kClass ||
      state.kind() != ValueKind::kTuple || state.size() != kStateSize ||
      !IsBytes(state[4])) {
    return std::nullopt;
  }
  const auto dtype = ReadNumpyDType(state[2]);
  auto shape = ShapeOf(state[1]);
  const Value is_fortran = state[3];
  if (!dtype || dtype->has_objects || !shape ||
      (is_fortran.kind() != ValueKind::kBool &&
       is_fortran.kind() != ValueKind::kInt)) {
    return std::nullopt;
  }
  return Array{.bytes = state[4].id(),
               .dtype = *dtype,
               .dtype_id = state[2].id(),
               .shape = *std::move(shape),
               .is_fortran = is_fortran.kind() == ValueKind::kBool
                                 ? is_fortran.AsBool()
                                 : is_fortran.AsInt() != 0,
               .type = object[0].id()};
}

std::optional<Array> Rebuilder::ReadFromBuffer(Value object) const {
  if (object.size() < 4 || object.size() > 5 || !IsBytes(object[0]) ||
      object[3].kind() != ValueKind::kString) {
    return std::nullopt;
  }
  const auto dtype = ReadNumpyDType(object[1]);
  auto shape = ShapeOf(object[2]);
  if (!dtype || dtype->has_objects || !shape) {
    return std::nullopt;
  }
  Array array{.bytes = object[0].id(),
              .dtype = *dtype,
              .dtype_id = object[1].id(),
              .shape = *std::move(shape),
              .type = graph_.AddClass("numpy", "ndarray")};
  const absl::string_view order = object[3].AsString();
  if (order == "K" && object.size() == 5) {
    auto axes = ShapeOf(object[4]);
    if (!axes || !IsPermutation(*axes, array.shape.size())) {
      return std::nullopt;
    }
    array.axes = *std::move(axes);
  } else if (order != "C" && order != "F") {
    return std::nullopt;
  }
  array.is_fortran = order == "F";
  return array;
}

absl::StatusOr<TensorSpec> Rebuilder::SpecOf(const Array& array,
                                             DType dtype) const {
  const bool is_raw = !array.dtype.dtype().has_value();
  std::vector<int64_t> shape = array.shape;
  if (array.is_fortran) {
    std::reverse(shape.begin(), shape.end());
  }
  HOIST_ASSIGN_OR_RETURN(std::vector<int64_t> strides,
                         ContiguousStrides(shape));
  if (array.is_fortran) {
    std::reverse(strides.begin(), strides.end());
  }
  TensorSpec spec{
      .dtype = dtype, .shape = array.shape, .strides = std::move(strides)};
  if (!array.axes.empty()) {
    const TensorSpec stored = spec;
    for (size_t i = 0; i < array.axes.size(); ++i) {
      const auto axis = static_cast<size_t>(array.axes[i]);
      spec.shape[i] = stored.shape[axis];
      spec.strides[i] = stored.strides[axis];
    }
  }
  if (is_raw) {
    for (int64_t& stride : spec.strides) {
      const auto bytes = CheckedMul(stride, array.dtype.size_bytes);
      if (!bytes) {
        return absl::DataLossError("its shape is too big");
      }
      stride = *bytes;
    }
    spec.shape.push_back(array.dtype.size_bytes);
    spec.strides.push_back(1);
  }
  return spec;
}

int Rebuilder::StorageOf(ValueId bytes, int swap_bytes) {
  const auto [known, is_new] = storages_.try_emplace(
      {bytes, swap_bytes}, static_cast<int>(catalog_.storages.size()));
  if (is_new) {
    content_.resize((content_.size() + kAlignment - 1) / kAlignment *
                    kAlignment);
    const absl::string_view text = At(bytes).AsString();
    StorageEntry storage;
    storage.file = static_cast<int>(catalog_.files.size());
    storage.offset_bytes = content_.size();
    storage.size_bytes = text.size();
    storage.swap_bytes = swap_bytes;
    storage.name = absl::StrCat("numpy array ", storages_.size());
    content_.insert(content_.end(), text.begin(), text.end());
    catalog_.storages.push_back(std::move(storage));
  }
  return known->second;
}

absl::Status Rebuilder::ReplaceArray(ValueId id, const Array& array) {
  const auto known = array.dtype.dtype();
  HOIST_ASSIGN_OR_RETURN(TensorSpec spec,
                         SpecOf(array, known.value_or(DType::kUint8)));
  HOIST_ASSIGN_OR_RETURN(const int64_t size, LogicalBytes(spec));
  const size_t there = At(array.bytes).AsString().size();
  if (static_cast<uint64_t>(size) != there) {
    return absl::DataLossError(
        absl::StrCat("its shape takes ", size, " bytes, and it has ", there));
  }
  // Raw elements stay as they are.
  const int swap_bytes =
      known && array.dtype.is_big_endian ? DTypeSwapBytes(*known) : 1;
  TensorEntry tensor;
  tensor.storage = StorageOf(array.bytes, swap_bytes);
  tensor.spec = std::move(spec);
  HOIST_ASSIGN_OR_RETURN(const int64_t index,
                         vocabulary_.AddEntry(std::move(tensor)));
  graph_.node(id) = {
      .kind = ValueKind::kTensor,
      .type = array.type,
      .state = array.dtype.is_plain() ? ValueGraph::kNoneId : array.dtype_id,
      .data = index};
  return absl::OkStatus();
}

void Rebuilder::ReplaceScalar(ValueId id) {
  const Value object = At(id);
  if (object.size() != 2 || !IsBytes(object[1])) {
    return;
  }
  const auto dtype = ReadNumpyDType(object[0]);
  std::string bytes(object[1].AsString());
  if (!dtype || bytes.size() != static_cast<size_t>(dtype->size_bytes)) {
    return;
  }
  const std::string class_name = dtype->scalar_class();
  if (class_name.empty()) {
    return;
  }
  ValueGraph::Node made{.type = graph_.AddClass("numpy", class_name)};
  if (dtype->kind == 'S') {
    made.kind = ValueKind::kBytes;
    made.data = std::move(bytes);
    graph_.node(id) = std::move(made);
    return;
  }
  if (dtype->is_big_endian) {
    const auto unit = static_cast<size_t>(DTypeSwapBytes(*dtype->dtype()));
    for (size_t i = 0; i + unit <= bytes.size(); i += unit) {
      std::reverse(bytes.begin() + static_cast<ptrdiff_t>(i),
                   bytes.begin() + static_cast<ptrdiff_t>(i + unit));
    }
  }
  const ElementValue element = DecodeElement(
      *dtype->dtype(), reinterpret_cast<const uint8_t*>(bytes.data()));
  if (const bool* flag = std::get_if<bool>(&element)) {
    made.kind = ValueKind::kBool;
    made.data = int64_t{*flag};
  } else if (const int64_t* number = std::get_if<int64_t>(&element)) {
    made.kind = ValueKind::kInt;
    made.data = *number;
  } else if (const uint64_t* positive = std::get_if<uint64_t>(&element)) {
    if (*positive <= static_cast<uint64_t>(INT64_MAX)) {
      made.kind = ValueKind::kInt;
      made.data = static_cast<int64_t>(*positive);
    } else {
      std::string wide(sizeof(uint64_t) + 1, '\0');
      StoreLittleEndian(*positive, wide.data());
      made.kind = ValueKind::kBigInt;
      made.data = std::move(wide);
    }
  } else if (const double* real = std::get_if<double>(&element)) {
    made.kind = ValueKind::kFloat;
    made.data = *real;
  } else {
    made.kind = ValueKind::kComplex;
    made.data = std::get<std::complex<double>>(element);
  }
  graph_.node(id) = std::move(made);
}

absl::Status Rebuilder::ReplaceDeviceTensor(ValueId id) {
  const Value object = At(id);
  if (object.size() != 4 || object[0].kind() != ValueKind::kTensor ||
      object[2].kind() != ValueKind::kString ||
      object[3].kind() != ValueKind::kBool) {
    return absl::OkStatus();
  }
  TensorEntry tensor =
      vocabulary_.tensors()[static_cast<size_t>(object[0].AsIndex())];
  tensor.location = std::string(object[2].AsString());
  tensor.requires_grad = object[3].AsBool();
  HOIST_ASSIGN_OR_RETURN(const int64_t index,
                         vocabulary_.AddEntry(std::move(tensor)));
  graph_.node(id) = {.kind = ValueKind::kTensor, .data = index};
  return absl::OkStatus();
}

absl::Status Rebuilder::Run() {
  // Classes are added on the way, at the end: they are no objects.
  const auto size = static_cast<ValueId>(graph_.size());
  std::vector<ValueId> device_tensors;
  for (ValueId id = 0; id < size; ++id) {
    const ValueGraph::Node& node = graph_.node(id);
    if (node.kind != ValueKind::kOpaque ||
        graph_.node(node.type).kind != ValueKind::kClass) {
      continue;
    }
    const absl::string_view name = At(node.type).AsString();
    std::optional<Array> array;
    if (IsFromNumpy(name, "multiarray", "_reconstruct")) {
      array = ReadReconstructed(At(id));
    } else if (IsFromNumpy(name, "numeric", "_frombuffer")) {
      array = ReadFromBuffer(At(id));
    } else if (IsFromNumpy(name, "multiarray", "scalar")) {
      ReplaceScalar(id);
    } else if (name == "torch._utils._rebuild_device_tensor_from_numpy" ||
               name == "torch._utils._rebuild_xla_tensor") {
      device_tensors.push_back(id);
    }
    if (array) {
      if (absl::Status status = ReplaceArray(id, *array); !status.ok()) {
        return Annotate(absl::IsInvalidArgument(status)
                            ? absl::DataLossError(status.message())
                            : status,
                        "A numpy array");
      }
    }
  }
  for (const ValueId id : device_tensors) {
    HOIST_RETURN_IF_ERROR(ReplaceDeviceTensor(id));
  }
  if (!storages_.empty()) {
    const std::string path =
        catalog_.files.empty() ? "" : catalog_.files[0].path;
    catalog_.files.push_back({.path = path,
                              .size_bytes = content_.size(),
                              .content = std::make_shared<const MemoryFile>(
                                  path, std::move(content_))});
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RebuildNumpyValues(ValueGraph& graph, TorchVocabulary& vocabulary,
                                Catalog& catalog) {
  return Rebuilder(graph, vocabulary, catalog).Run();
}

}  // namespace hoist
