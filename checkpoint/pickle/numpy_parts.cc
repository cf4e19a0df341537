#include "hoist/checkpoint/pickle/numpy_parts.h"

#include <algorithm>
#include <bit>
#include <complex>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/pickle/bytes_parts.h"
#include "hoist/checkpoint/pickle/numpy_dtype.h"
#include "hoist/core/base/endian.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/ops/byte_swap.h"
#include "hoist/core/tensor/ops/element.h"
#include "hoist/core/tensor/tensor_spec.h"

namespace hoist {
namespace {

constexpr absl::string_view kMultiarray = "numpy.core.multiarray";

// numpy's name of a dtype, "f4".
std::optional<std::string> NumpyCode(DType dtype) {
  switch (dtype) {
    case DType::kBool:
      return "b1";
    case DType::kUint8:
      return "u1";
    case DType::kInt8:
      return "i1";
    case DType::kUint16:
      return "u2";
    case DType::kInt16:
      return "i2";
    case DType::kUint32:
      return "u4";
    case DType::kInt32:
      return "i4";
    case DType::kUint64:
      return "u8";
    case DType::kInt64:
      return "i8";
    case DType::kFloat16:
      return "f2";
    case DType::kFloat32:
      return "f4";
    case DType::kFloat64:
      return "f8";
    case DType::kComplex64:
      return "c8";
    case DType::kComplex128:
      return "c16";
    default:
      return std::nullopt;
  }
}

// numpy.dtype(code, False, True) with the state that numpy gives it; of bytes
// each as long as the other.
void AddDType(const std::string& code, int64_t bytes_size, PickleParts& parts) {
  const bool is_bytes = code[0] == 'S';
  parts.Class("numpy", "dtype");
  parts.SharedText(code);
  parts.Bool(false);
  parts.Bool(true);
  parts.EndTuple(3);
  parts.Call();
  parts.BeginTuple(8);
  parts.Int(3);
  parts.SharedText(is_bytes || code.substr(1) == "1" ? "|" : "<");
  parts.None();
  parts.None();
  parts.None();
  parts.Int(is_bytes ? bytes_size : -1);
  parts.Int(is_bytes ? 1 : -1);
  parts.Int(0);
  parts.EndTuple(8);
  parts.Op('b');
}

// What comes after "numpy." in a class's name: of bool_ as of bool.
std::optional<std::string> ScalarCode(Value value) {
  const std::string class_name = value.ClassName();
  absl::string_view name = class_name;
  if (!absl::ConsumePrefix(&name, "numpy.")) {
    return std::nullopt;
  }
  if (value.kind() == ValueKind::kBytes) {
    return absl::StrCat("S", value.AsString().size());
  }
  const auto dtype = DTypeFromName(absl::StripSuffix(name, "_"));
  return dtype ? NumpyCode(*dtype) : std::nullopt;
}

template <typename T>
std::string Bytes(T bits, size_t size) {
  char bytes[sizeof(T)];
  StoreLittleEndian(bits, bytes);
  return std::string(bytes, size);
}

std::string FloatBytes(double value, size_t size) {
  if (size == sizeof(double)) {
    return Bytes(std::bit_cast<uint64_t>(value), size);
  }
  if (size == sizeof(float)) {
    return Bytes(std::bit_cast<uint32_t>(static_cast<float>(value)), size);
  }
  return Bytes(Element<DType::kFloat16>::Encode(value), size);
}

std::string ScalarBytes(Value value, size_t size) {
  switch (value.kind()) {
    case ValueKind::kBool:
      return std::string(1, value.AsBool() ? '\1' : '\0');
    case ValueKind::kInt:
      return Bytes(value.AsInt(), size);
    case ValueKind::kFloat:
      return FloatBytes(value.AsFloat(), size);
    case ValueKind::kComplex:
      return FloatBytes(value.AsComplex().real(), size / 2) +
             FloatBytes(value.AsComplex().imag(), size / 2);
    default:  // bytes, and integers of more than 63 bits
      return std::string(value.AsString().substr(0, size));
  }
}

}  // namespace

bool IsNumpyArray(Value value, const Catalog& catalog) {
  return value.kind() == ValueKind::kTensor && value.AsIndex() >= 0 &&
         absl::StartsWith(value.ClassName(), "numpy.") &&
         NumpyCode(catalog.tensors[value.AsIndex()].spec.dtype).has_value();
}

bool IsNumpyScalar(Value value) {
  switch (value.kind()) {
    case ValueKind::kBool:
    case ValueKind::kInt:
    case ValueKind::kBigInt:
    case ValueKind::kFloat:
    case ValueKind::kComplex:
    case ValueKind::kBytes:
      return ScalarCode(value).has_value();
    default:
      return false;
  }
}

absl::Status AddNumpyArray(Value value, const TensorEntry& array,
                           const ElementReader& read, PickleParts& parts) {
  const auto kept_dtype = ReadNumpyDType(value.state());
  // Of bytes, numpy does not count those of an element.
  const bool is_raw = kept_dtype && !kept_dtype->dtype();
  const auto element_dimensions = static_cast<int64_t>(is_raw ? 1 : 0);
  TensorEntry stored = array;
  std::ranges::reverse(stored.spec.shape.begin(),
                       stored.spec.shape.end() - element_dimensions);
  std::ranges::reverse(stored.spec.strides.begin(),
                       stored.spec.strides.end() - element_dimensions);
  const bool is_fortran =
      !IsContiguous(array.spec) && IsContiguous(stored.spec);
  HOIST_ASSIGN_OR_RETURN(std::vector<uint8_t> bytes,
                         read(is_fortran ? stored : array));
  if (kept_dtype && !is_raw && kept_dtype->is_big_endian) {
    HOIST_RETURN_IF_ERROR(ByteSwap(absl::MakeSpan(bytes),
                                   DTypeSwapBytes(array.spec.dtype)));
  }
  parts.Class(kMultiarray, "_reconstruct");
  parts.Type(value.type().id());
  parts.IntTuple({0});
  AddBytes("b", parts);
  parts.EndTuple(3);
  parts.Call();
  parts.Put();
  parts.BeginTuple(5);
  parts.Int(1);
  parts.IntTuple(absl::MakeConstSpan(array.spec.shape)
                     .first(array.spec.shape.size() -
                            static_cast<size_t>(element_dimensions)));
  if (kept_dtype) {
    parts.Value(value.state().id());
  } else {
    AddDType(*NumpyCode(array.spec.dtype), 0, parts);
  }
  parts.Bool(is_fortran);
  AddBytes({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, parts);
  parts.EndTuple(5);
  parts.Op('b');
  return absl::OkStatus();
}

void AddNumpyScalar(Value value, PickleParts& parts) {
  const std::string code = *ScalarCode(value);
  size_t size = 0;
  for (const char digit : absl::string_view(code).substr(1)) {
    size = size * 10 + static_cast<size_t>(digit - '0');
  }
  parts.Class(kMultiarray, "scalar");
  AddDType(code, static_cast<int64_t>(size), parts);
  AddBytes(ScalarBytes(value, size), parts);
  parts.EndTuple(2);
  parts.Call();
  parts.Put();
}

}  // namespace hoist
