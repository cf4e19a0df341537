#include "hoist/checkpoint/catalog/value.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "hoist/core/base/check.h"

namespace hoist {
namespace {

absl::string_view BuiltinName(ValueKind kind) {
  switch (kind) {
    case ValueKind::kNone:
      return "NoneType";
    case ValueKind::kBool:
      return "bool";
    case ValueKind::kInt:
    case ValueKind::kBigInt:
      return "int";
    case ValueKind::kFloat:
      return "float";
    case ValueKind::kComplex:
      return "complex";
    case ValueKind::kString:
      return "str";
    case ValueKind::kBytes:
      return "bytes";
    case ValueKind::kList:
      return "list";
    case ValueKind::kTuple:
      return "tuple";
    case ValueKind::kDict:
      return "dict";
    case ValueKind::kSet:
      return "set";
    case ValueKind::kTensor:
      return "torch.Tensor";
    case ValueKind::kStorage:
      return "torch.storage.UntypedStorage";
    case ValueKind::kClass:
      return "type";
    case ValueKind::kOpaque:
      return "object";
  }
  return "";
}

// Two's complement, little-endian, to decimal: long division by 10^9.
std::string BigIntText(absl::string_view bytes) {
  const bool negative = !bytes.empty() && (bytes.back() & 0x80) != 0;
  std::vector<uint32_t> words((bytes.size() + 3) / 4, 0);
  bool carry = negative;
  for (size_t i = 0; i < words.size() * 4; ++i) {
    uint8_t byte = i < bytes.size() ? static_cast<uint8_t>(bytes[i])
                                    : (negative ? 0xff : 0);
    if (negative) {
      byte = static_cast<uint8_t>(~byte);
      if (carry) {
        ++byte;
        carry = byte == 0;
      }
    }
    words[i / 4] |= uint32_t{byte} << (8 * (i % 4));
  }
  std::vector<uint32_t> digits;  // of 10^9, the lowest first
  while (!words.empty()) {
    uint64_t remainder = 0;
    for (size_t i = words.size(); i-- > 0;) {
      const uint64_t value = (remainder << 32) | words[i];
      words[i] = static_cast<uint32_t>(value / 1'000'000'000);
      remainder = value % 1'000'000'000;
    }
    digits.push_back(static_cast<uint32_t>(remainder));
    while (!words.empty() && words.back() == 0) {
      words.pop_back();
    }
  }
  std::string text =
      absl::StrCat(negative ? "-" : "", digits.empty() ? 0 : digits.back());
  for (size_t i = digits.size(); i-- > 1;) {
    absl::StrAppendFormat(&text, "%09d", digits[i - 1]);
  }
  return text;
}

}  // namespace

std::string FloatText(double value) {
  if (std::isnan(value)) {
    return "nan";
  }
  if (std::isinf(value)) {
    return value < 0 ? "-inf" : "inf";
  }
  std::string text;
  for (int precision = 1; precision <= 17; ++precision) {
    text = absl::StrFormat("%.*e", precision - 1, value);
    if (std::strtod(text.c_str(), nullptr) == value) {
      const int exponent = std::atoi(text.c_str() + text.find('e') + 1);
      if (exponent >= -4 && exponent < 16) {
        text = absl::StrFormat("%.*f", std::max(precision - 1 - exponent, 1),
                               value);
      } else {
        const size_t e = text.find('e');
        text = absl::StrFormat("%se%+03d", text.substr(0, e), exponent);
      }
      break;
    }
  }
  return text;
}

std::string ComplexText(std::complex<double> value) {
  std::string imaginary = FloatText(value.imag());
  if (imaginary.ends_with(".0")) {
    imaginary.resize(imaginary.size() - 2);
  }
  if (value.real() == 0 && !std::signbit(value.real())) {
    return imaginary + "j";
  }
  std::string real = FloatText(value.real());
  if (real.ends_with(".0")) {
    real.resize(real.size() - 2);
  }
  const bool has_sign = imaginary[0] == '-';
  return absl::StrCat("(", real, has_sign ? "" : "+", imaginary, "j)");
}

ValueGraph::ValueGraph() {
  nodes_.push_back({.kind = ValueKind::kNone});
  nodes_.push_back({.kind = ValueKind::kBool, .data = int64_t{0}});
  nodes_.push_back({.kind = ValueKind::kBool, .data = int64_t{1}});
}

ValueGraph ValueGraph::Copy() const {
  ValueGraph copy;
  auto name = class_names_.begin();
  for (size_t id = copy.size(); id < size(); ++id) {
    const Node& node = nodes_[id];
    if (node.kind == ValueKind::kClass) {
      copy.AddClass(name->first, name->second);
      ++name;
    } else {
      copy.Add(node);
    }
  }
  return copy;
}

ValueId ValueGraph::Add(Node node) {
  HOIST_CHECK(nodes_.size() < UINT32_MAX);
  has_opaque_ = has_opaque_ || node.kind == ValueKind::kOpaque;
  nodes_.push_back(std::move(node));
  return last_id();
}

ValueGraph::Node& ValueGraph::AddEmpty(ValueKind kind, ValueId type) {
  HOIST_CHECK(nodes_.size() < UINT32_MAX);
  has_opaque_ = has_opaque_ || kind == ValueKind::kOpaque;
  Node& node = nodes_.emplace_back();
  node.kind = kind;
  node.type = type;
  return node;
}

ValueId ValueGraph::AddInt(int64_t value) {
  AddEmpty(ValueKind::kInt).data = value;
  return last_id();
}

ValueId ValueGraph::AddString(absl::string_view text) {
  AddEmpty(ValueKind::kString).data.emplace<std::string>(text);
  return last_id();
}

ValueId ValueGraph::AddItems(ValueKind kind, absl::Span<const ValueId> items,
                             ValueId type) {
  AddEmpty(kind, type).data.emplace<Items>(items.begin(), items.end());
  return last_id();
}

ValueId ValueGraph::AddClass(absl::string_view module, absl::string_view name) {
  const auto known = classes_.find({module, name});
  if (known != classes_.end()) {
    return known->second;
  }
  constexpr absl::string_view kBuiltins = "builtins";
  class_names_.emplace_back(module, name);
  const bool is_builtin = module == kBuiltins;
  const ValueId id =
      Add({.kind = ValueKind::kClass,
           .data = is_builtin ? std::string(name)
                              : absl::StrCat(module, ".", name)});
  const absl::string_view text = std::get<std::string>(node(id).data);
  classes_.emplace(
      std::pair(is_builtin ? kBuiltins : text.substr(0, module.size()),
                text.substr(text.size() - name.size())),
      id);
  return id;
}

std::string Value::ClassName() const {
  if (node().type != ValueGraph::kNoneId) {
    return std::string(Value(graph_, node().type).AsString());
  }
  return std::string(BuiltinName(kind()));
}

bool Value::AsBool() const {
  HOIST_CHECK(kind() == ValueKind::kBool);
  return std::get<int64_t>(node().data) != 0;
}

int64_t Value::AsInt() const {
  HOIST_CHECK(kind() == ValueKind::kInt);
  return std::get<int64_t>(node().data);
}

double Value::AsFloat() const {
  HOIST_CHECK(kind() == ValueKind::kFloat);
  return std::get<double>(node().data);
}

std::complex<double> Value::AsComplex() const {
  HOIST_CHECK(kind() == ValueKind::kComplex);
  return std::get<std::complex<double>>(node().data);
}

int Value::AsIndex() const {
  HOIST_CHECK(kind() == ValueKind::kTensor || kind() == ValueKind::kStorage);
  return static_cast<int>(std::get<int64_t>(node().data));
}

std::optional<Value> Value::Find(absl::string_view text) const {
  if (kind() != ValueKind::kDict) {
    return std::nullopt;
  }
  for (size_t i = size(); i-- > 0;) {
    if (key(i).kind() == ValueKind::kString && key(i).AsString() == text) {
      return value(i);
    }
  }
  return std::nullopt;
}

std::string ValueText(Value value) {
  switch (value.kind()) {
    case ValueKind::kNone:
      return "None";
    case ValueKind::kBool:
      return value.AsBool() ? "True" : "False";
    case ValueKind::kInt:
      return absl::StrCat(value.AsInt());
    case ValueKind::kBigInt:
      return BigIntText(value.AsString());
    case ValueKind::kFloat:
      return FloatText(value.AsFloat());
    case ValueKind::kComplex:
      return ComplexText(value.AsComplex());
    case ValueKind::kString:
    case ValueKind::kClass:
      return std::string(value.AsString());
    default:
      return value.ClassName();
  }
}

}  // namespace hoist
