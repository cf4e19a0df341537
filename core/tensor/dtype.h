#ifndef HOIST_CORE_TENSOR_DTYPE_H_
#define HOIST_CORE_TENSOR_DTYPE_H_

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace hoist {

// Element types: every dtype of PyTorch, and safetensors' 6-bit floats, which
// PyTorch has not. (specs: pytorch-formats.md 3.4, 3.5 and 11.3)
enum class DType : uint8_t {
  kBool,
  kUint8,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kUint16,
  kUint32,
  kUint64,
  kFloat16,
  kBfloat16,
  kFloat32,
  kFloat64,
  kComplex32,
  kComplex64,
  kComplex128,
  kFloat8E4m3fn,
  kFloat8E5m2,
  kFloat8E4m3fnuz,
  kFloat8E5m2fnuz,
  kFloat8E8m0fnu,
  kFloat4E2m1fnX2,  // one element is a byte that holds two numbers
  kFloat6E2m3,      // 6 bits an element, packed
  kFloat6E3m2,      // 6 bits an element, packed
  kQint8,
  kQuint8,
  kQint32,
  kQuint4x2,  // one element is a byte that holds two numbers
  kQuint2x4,  // one element is a byte that holds four numbers
  kBits1x8,
  kBits2x4,
  kBits4x2,
  kBits8,
  kBits16,
  // A byte each, of which the number takes the low bits.
  kUint1,
  kUint2,
  kUint3,
  kUint4,
  kUint5,
  kUint6,
  kUint7,
  kInt1,
  kInt2,
  kInt3,
  kInt4,
  kInt5,
  kInt6,
  kInt7,
};

// PyTorch's name without its prefix, as "bfloat16". Thread-safe, like all here.
absl::string_view DTypeName(DType dtype);

// The dtype of that name, or of one of PyTorch's aliases ("double", "half",
// "cfloat", ...).
std::optional<DType> DTypeFromName(absl::string_view name);

// Bits that one element of a tensor takes: a multiple of 8 except for the
// packed 6-bit floats.
int DTypeBits(DType dtype);

// Width of the units in which an element's bytes change places between
// machines of different byte order: the element, or half of a complex one.
int DTypeSwapBytes(DType dtype);

bool IsFloatingPoint(DType dtype);  // float4 to float64, bfloat16
bool IsComplex(DType dtype);

// All of them, in the order of the enum.
absl::Span<const DType> AllDTypes();

}  // namespace hoist

#endif  // HOIST_CORE_TENSOR_DTYPE_H_
