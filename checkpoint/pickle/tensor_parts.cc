#include "hoist/checkpoint/pickle/tensor_parts.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/pickle/rebuild_call.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/tensor_spec.h"

namespace hoist {
namespace {

// Empty where PyTorch has none.
absl::string_view StorageClass(DType dtype) {
  switch (dtype) {
    case DType::kFloat64:
      return "DoubleStorage";
    case DType::kFloat32:
      return "FloatStorage";
    case DType::kFloat16:
      return "HalfStorage";
    case DType::kBfloat16:
      return "BFloat16Storage";
    case DType::kInt64:
      return "LongStorage";
    case DType::kInt32:
      return "IntStorage";
    case DType::kInt16:
      return "ShortStorage";
    case DType::kInt8:
      return "CharStorage";
    case DType::kUint8:
      return "ByteStorage";
    case DType::kBool:
      return "BoolStorage";
    case DType::kComplex128:
      return "ComplexDoubleStorage";
    case DType::kComplex64:
      return "ComplexFloatStorage";
    case DType::kQint8:
      return "QInt8Storage";
    case DType::kQint32:
      return "QInt32Storage";
    case DType::kQuint8:
      return "QUInt8Storage";
    case DType::kQuint4x2:
      return "QUInt4x2Storage";
    case DType::kQuint2x4:
      return "QUInt2x4Storage";
    default:
      return "";
  }
}

uint64_t ElementBytes(DType dtype) {
  return static_cast<uint64_t>(DTypeBits(dtype)) / 8;
}

// Each tensor has its own.
void AddHooks(PickleParts& parts) {
  parts.Class("collections", "OrderedDict");
  parts.EndTuple(0);
  parts.Call();
}

// How a tensor is made of what it views.
class TensorCalls {
 public:
  TensorCalls(const TensorEntry& entry, PickledStorageNames storages)
      : entry_(entry), storages_(storages) {}

  // `quantizer`: what QuantizerState() has made of one, or null.
  absl::StatusOr<RebuildCall> Make(const SplitState* quantizer,
                                   bool requires_grad) const;

 private:
  RebuildCall Meta(bool requires_grad) const;
  RebuildCall OfDevice(bool requires_grad) const;
  RebuildCall Quantized(const SplitState& quantizer, bool requires_grad) const;
  RebuildCall Plain(bool requires_grad) const;
  const PickledStorageName& storage() const {
    return *storages_[static_cast<size_t>(*entry_.storage)];
  }
  void AddView(PickleParts& parts) const;
  void AddDType(PickleParts& parts) const {
    parts.Class("torch", DTypeName(entry_.spec.dtype));
  }

  const TensorEntry& entry_;
  const PickledStorageNames storages_;
};

// (storage, offset, size, stride, ...
void TensorCalls::AddView(PickleParts& parts) const {
  AddStorage(storage(), parts);
  const auto skipped = static_cast<int64_t>(storage().skipped_bytes /
                                            ElementBytes(entry_.spec.dtype));
  // Tensors without elements may start anywhere.
  parts.Int(std::max<int64_t>(entry_.storage_offset - skipped, 0));
  parts.IntTuple(entry_.spec.shape);
  parts.IntTuple(entry_.spec.strides);
}

RebuildCall TensorCalls::Meta(bool requires_grad) const {
  RebuildCall call{.function = "_rebuild_meta_tensor_no_storage"};
  PickleParts& parts = call.arguments;
  parts.BeginTuple(4);
  AddDType(parts);
  parts.IntTuple(entry_.spec.shape);
  parts.IntTuple(entry_.spec.strides);
  parts.Bool(requires_grad);
  parts.EndTuple(4);
  return call;
}

RebuildCall TensorCalls::OfDevice(bool requires_grad) const {
  RebuildCall call{.function = "_rebuild_device_tensor_from_cpu_tensor"};
  PickleParts& parts = call.arguments;
  parts.BeginTuple(4);
  AddCall(Plain(/*requires_grad=*/false), parts);
  AddDType(parts);
  parts.SharedText(entry_.location);
  parts.Bool(requires_grad);
  parts.EndTuple(4);
  return call;
}

RebuildCall TensorCalls::Quantized(const SplitState& quantizer,
                                   bool requires_grad) const {
  RebuildCall call{.function = "_rebuild_qtensor"};
  PickleParts& parts = call.arguments;
  parts.BeginTuple(7);
  AddView(parts);
  const size_t size = quantizer.part_count();
  parts.BeginTuple(size);
  for (size_t i = 0; i < size; ++i) {
    parts.Value(quantizer.part(i).id());
  }
  parts.EndTuple(size);
  parts.Bool(requires_grad);
  AddHooks(parts);
  parts.EndTuple(7);
  return call;
}

RebuildCall TensorCalls::Plain(bool requires_grad) const {
  const bool is_typed = storage().dtype == entry_.spec.dtype;
  RebuildCall call{.function =
                       is_typed ? "_rebuild_tensor_v2" : "_rebuild_tensor_v3"};
  PickleParts& parts = call.arguments;
  parts.Mark();
  AddView(parts);
  parts.Bool(requires_grad);
  AddHooks(parts);
  if (!is_typed) {
    AddDType(parts);
  }
  if (entry_.is_conjugate || entry_.is_negative) {
    parts.Op('}');
    for (const auto& [flag, is_set] : {std::pair("conj", entry_.is_conjugate),
                                       std::pair("neg", entry_.is_negative)}) {
      if (is_set) {
        parts.SharedText(flag);
        parts.Bool(true);
        parts.Op('s');
      }
    }
  }
  parts.Op('t');
  return call;
}

absl::StatusOr<RebuildCall> TensorCalls::Make(const SplitState* quantizer,
                                              bool requires_grad) const {
  const DType dtype = entry_.spec.dtype;
  if (dtype == DType::kFloat6E2m3 || dtype == DType::kFloat6E3m2) {
    return WithHint(absl::InvalidArgumentError(absl::StrCat(
                        "PyTorch has no dtype ", DTypeName(dtype))),
                    "Leave it out, or write safetensors or Hoist's own format");
  }
  if (!entry_.storage || entry_.location == "meta") {
    return Meta(requires_grad);
  }
  if (quantizer != nullptr) {
    return Quantized(*quantizer, requires_grad);
  }
  // _rebuild_tensor_v3 fails for what requires gradients; what is moved to the
  // device where it is stays itself, and may require them then.
  const bool fails = requires_grad && storage().dtype != dtype;
  return fails || !HasDeviceStorages(entry_.location) ? OfDevice(requires_grad)
                                                      : Plain(requires_grad);
}

// The quantizer and the attributes of a quantized tensor; nullopt if its state
// has no quantizer that PyTorch could have written.
std::optional<SplitState> QuantizerOf(Value state) {
  auto per_tensor = SplitState::Of(state, {"qscheme", "scale", "zero_point"});
  if (per_tensor && per_tensor->part(1).kind() == ValueKind::kFloat &&
      per_tensor->part(2).kind() == ValueKind::kInt) {
    return per_tensor;
  }
  return SplitState::Of(state, {"qscheme", "scales", "zero_points", "axis"});
}

}  // namespace

bool HasDeviceStorages(absl::string_view location) {
  for (const absl::string_view device : {"xla", "maia", "mtia"}) {
    if (absl::StartsWith(location, device)) {
      return false;
    }
  }
  return true;
}

bool HasStorageClass(DType dtype) { return !StorageClass(dtype).empty(); }

bool IsQuantizedDType(DType dtype) {
  return absl::StartsWith(StorageClass(dtype), "Q");
}

void AddStorage(const PickledStorageName& storage, PickleParts& parts) {
  parts.BeginTuple(5);
  parts.SharedText("storage");
  if (storage.dtype) {
    parts.Class("torch", StorageClass(*storage.dtype));
  } else {
    parts.Class("torch.storage", "UntypedStorage");
  }
  parts.Text(storage.key);
  parts.SharedText(storage.location);
  parts.Int(static_cast<int64_t>(
      storage.size_bytes / (storage.dtype ? ElementBytes(*storage.dtype) : 1)));
  parts.EndTuple(5);
  parts.Op('Q');
}

absl::Status AddTensor(Value tensor, const Catalog& catalog,
                       PickledStorageNames storages, PickleParts& parts) {
  const TensorEntry& entry = catalog.tensors[tensor.AsIndex()];
  SplitState state(tensor.state());
  const SplitState* quantizer = nullptr;
  if (IsQuantizedDType(entry.spec.dtype) && entry.storage) {
    auto split = QuantizerOf(tensor.state());
    if (!split) {
      return WithHint(
          absl::InvalidArgumentError(absl::StrCat(
              "Tensor ", entry.name, ": it is ", DTypeName(entry.spec.dtype),
              ", and the file does not say how it is quantized (its scale and "
              "zero point)")),
          "Leave it out, or write Hoist's own format, which keeps its "
          "integers");
    }
    state = *std::move(split);
    quantizer = &state;
  }
  const bool has_type = tensor.type().kind() == ValueKind::kClass;
  absl::StatusOr<RebuildCall> made =
      TensorCalls(entry, storages)
          .Make(quantizer, entry.requires_grad && !entry.is_parameter);
  if (!made.ok()) {
    return Annotate(made.status(), absl::StrCat("Tensor ", entry.name));
  }
  RebuildCall call = *std::move(made);
  const bool keeps_state = state.has_attributes();
  if (entry.is_parameter) {
    RebuildCall parameter{.function = keeps_state && !has_type
                                          ? "_rebuild_parameter_with_state"
                                          : "_rebuild_parameter"};
    const size_t size = keeps_state && !has_type ? 4 : 3;
    parameter.arguments.BeginTuple(size);
    AddCall(std::move(call), parameter.arguments);
    parameter.arguments.Bool(entry.requires_grad);
    AddHooks(parameter.arguments);
    if (size == 4) {
      state.AddAttributes(parameter.arguments);
    }
    parameter.arguments.EndTuple(size);
    call = std::move(parameter);
  }
  if (has_type || (keeps_state && !entry.is_parameter)) {
    const auto add_type = [has_type, &tensor](PickleParts& arguments) {
      if (has_type) {
        arguments.Type(tensor.type().id());
      } else {
        arguments.Class("torch", "Tensor");
      }
    };
    call = WithTypeAndAttributes(std::move(call), add_type, state);
  }
  AddCall(std::move(call), parts);
  parts.Put();
  return absl::OkStatus();
}

}  // namespace hoist
