#include "hoist/checkpoint/torch/pickled_attributes.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "hoist/core/tensor/tensor_spec.h"

namespace hoist::libtorch {

void PickledAttributes::Fail(absl::string_view name, absl::string_view what) {
  if (status_.ok()) {
    status_ = absl::InvalidArgumentError(
        absl::StrCat("Module \"", path_, "\" (", module_.ClassName(),
                     "): ", name, " ", what));
  }
}

std::optional<Value> PickledAttributes::Find(absl::string_view name) {
  const auto value = module_.state().Find(name);
  if (!value) {
    Fail(name, "is not among its attributes");
  }
  return value;
}

std::optional<Value> PickledAttributes::FindTensor(
    absl::string_view name) const {
  for (const absl::string_view group : {"_parameters", "_buffers"}) {
    const auto tensors = module_.state().Find(group);
    const auto value = tensors ? tensors->Find(name) : std::nullopt;
    if (value && value->kind() == ValueKind::kTensor) {
      return value;
    }
  }
  return std::nullopt;
}

std::optional<int64_t> PickledAttributes::IntOf(Value value,
                                                absl::string_view name) {
  if (value.kind() == ValueKind::kInt) {
    return value.AsInt();
  }
  Fail(name, "is no integer");
  return std::nullopt;
}

bool PickledAttributes::Bool(absl::string_view name) {
  const auto value = Find(name);
  if (value && value->kind() == ValueKind::kBool) {
    return value->AsBool();
  }
  Fail(name, "is neither True nor False");
  return false;
}

int64_t PickledAttributes::Int(absl::string_view name) {
  const auto value = Find(name);
  return value ? IntOf(*value, name).value_or(0) : 0;
}

double PickledAttributes::Number(absl::string_view name) {
  const auto value = NumberOrNone(name);
  if (!value) {
    Fail(name, "is no number");
  }
  return value.value_or(0);
}

std::optional<double> PickledAttributes::NumberOrNone(absl::string_view name) {
  const auto value = Find(name);
  if (!value || value->kind() == ValueKind::kNone) {
    return std::nullopt;
  }
  if (value->kind() == ValueKind::kFloat) {
    return value->AsFloat();
  }
  const auto number = IntOf(*value, name);
  return number ? std::make_optional(static_cast<double>(*number))
                : std::nullopt;
}

std::optional<int64_t> PickledAttributes::IntOrNone(absl::string_view name) {
  const auto value = Find(name);
  if (!value || value->kind() == ValueKind::kNone) {
    return std::nullopt;
  }
  return IntOf(*value, name);
}

std::string PickledAttributes::Text(absl::string_view name) {
  const auto value = Find(name);
  if (value && value->kind() == ValueKind::kString) {
    return std::string(value->AsString());
  }
  Fail(name, "is no text");
  return "";
}

bool PickledAttributes::IsText(absl::string_view name) const {
  const auto value = module_.state().Find(name);
  return value && value->kind() == ValueKind::kString;
}

std::vector<std::optional<int64_t>> PickledAttributes::IntsOrNone(
    absl::string_view name, size_t count) {
  std::vector<std::optional<int64_t>> numbers(count);
  const auto value = Find(name);
  if (!value) {
    return numbers;
  }
  const bool is_list =
      value->kind() == ValueKind::kTuple || value->kind() == ValueKind::kList;
  if (is_list && value->size() != count) {
    Fail(name, absl::StrCat("has ", value->size(), " items, and not ", count));
    return numbers;
  }
  for (size_t i = 0; i < count; ++i) {
    const Value item = is_list ? (*value)[i] : *value;
    if (item.kind() != ValueKind::kNone) {
      numbers[i] = IntOf(item, name);
    }
  }
  return numbers;
}

std::vector<int64_t> PickledAttributes::Ints(absl::string_view name,
                                             size_t count) {
  std::vector<int64_t> numbers;
  for (const std::optional<int64_t>& number : IntsOrNone(name, count)) {
    if (!number) {
      Fail(name, "is None");
    }
    numbers.push_back(number.value_or(0));
  }
  return numbers;
}

std::vector<int64_t> PickledAttributes::Ints(absl::string_view name) {
  const auto value = Find(name);
  const bool is_list = value && (value->kind() == ValueKind::kTuple ||
                                 value->kind() == ValueKind::kList);
  return Ints(name, is_list ? value->size() : 1);
}

bool PickledAttributes::HasTensor(absl::string_view name) const {
  return FindTensor(name).has_value();
}

void PickledAttributes::MayHaveTensor(absl::string_view name,
                                      absl::Span<const int64_t> shape) {
  if (HasTensor(name)) {
    ExpectTensor(name, shape);
  }
}

void PickledAttributes::ExpectTensor(absl::string_view name,
                                     absl::Span<const int64_t> shape) {
  const auto value = FindTensor(name);
  const int index = value ? value->AsIndex() : -1;
  if (index < 0) {
    Fail(name, "is no tensor of it");
    return;
  }
  const TensorEntry& tensor = catalog_.tensors[index];
  if (!std::equal(shape.begin(), shape.end(), tensor.spec.shape.begin(),
                  tensor.spec.shape.end())) {
    Fail(name, absl::StrCat("has shape ", ShapeString(tensor.spec.shape),
                            ", and by its attributes ", ShapeString(shape)));
    return;
  }
  const auto bytes = LogicalBytes(tensor.spec);
  if (!bytes.ok() || !tensor.storage ||
      static_cast<uint64_t>(*bytes) >
          catalog_.storages[*tensor.storage].size_bytes) {
    Fail(name, "has not all of its elements in the file");
  }
}

}  // namespace hoist::libtorch
