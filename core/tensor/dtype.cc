#include "hoist/core/tensor/dtype.h"

#include <array>
#include <cstddef>

#include "hoist/core/base/check.h"

namespace hoist {
namespace {

enum class Kind { kOther, kFloat, kComplex };

struct Info {
  DType dtype;
  absl::string_view name;
  int bits;
  int swap_bytes;
  Kind kind = Kind::kOther;
};

// In the order of the enum.
constexpr auto kInfos = std::to_array<Info>({
    {DType::kBool, "bool", 8, 1},
    {DType::kUint8, "uint8", 8, 1},
    {DType::kInt8, "int8", 8, 1},
    {DType::kInt16, "int16", 16, 2},
    {DType::kInt32, "int32", 32, 4},
    {DType::kInt64, "int64", 64, 8},
    {DType::kUint16, "uint16", 16, 2},
    {DType::kUint32, "uint32", 32, 4},
    {DType::kUint64, "uint64", 64, 8},
    {DType::kFloat16, "float16", 16, 2, Kind::kFloat},
    {DType::kBfloat16, "bfloat16", 16, 2, Kind::kFloat},
    {DType::kFloat32, "float32", 32, 4, Kind::kFloat},
    {DType::kFloat64, "float64", 64, 8, Kind::kFloat},
    {DType::kComplex32, "complex32", 32, 2, Kind::kComplex},
    {DType::kComplex64, "complex64", 64, 4, Kind::kComplex},
    {DType::kComplex128, "complex128", 128, 8, Kind::kComplex},
    {DType::kFloat8E4m3fn, "float8_e4m3fn", 8, 1, Kind::kFloat},
    {DType::kFloat8E5m2, "float8_e5m2", 8, 1, Kind::kFloat},
    {DType::kFloat8E4m3fnuz, "float8_e4m3fnuz", 8, 1, Kind::kFloat},
    {DType::kFloat8E5m2fnuz, "float8_e5m2fnuz", 8, 1, Kind::kFloat},
    {DType::kFloat8E8m0fnu, "float8_e8m0fnu", 8, 1, Kind::kFloat},
    {DType::kFloat4E2m1fnX2, "float4_e2m1fn_x2", 8, 1, Kind::kFloat},
    {DType::kFloat6E2m3, "float6_e2m3", 6, 1, Kind::kFloat},
    {DType::kFloat6E3m2, "float6_e3m2", 6, 1, Kind::kFloat},
    {DType::kQint8, "qint8", 8, 1},
    {DType::kQuint8, "quint8", 8, 1},
    {DType::kQint32, "qint32", 32, 4},
    {DType::kQuint4x2, "quint4x2", 8, 1},
    {DType::kQuint2x4, "quint2x4", 8, 1},
    {DType::kBits1x8, "bits1x8", 8, 1},
    {DType::kBits2x4, "bits2x4", 8, 1},
    {DType::kBits4x2, "bits4x2", 8, 1},
    {DType::kBits8, "bits8", 8, 1},
    {DType::kBits16, "bits16", 16, 2},
    {DType::kUint1, "uint1", 8, 1},
    {DType::kUint2, "uint2", 8, 1},
    {DType::kUint3, "uint3", 8, 1},
    {DType::kUint4, "uint4", 8, 1},
    {DType::kUint5, "uint5", 8, 1},
    {DType::kUint6, "uint6", 8, 1},
    {DType::kUint7, "uint7", 8, 1},
    {DType::kInt1, "int1", 8, 1},
    {DType::kInt2, "int2", 8, 1},
    {DType::kInt3, "int3", 8, 1},
    {DType::kInt4, "int4", 8, 1},
    {DType::kInt5, "int5", 8, 1},
    {DType::kInt6, "int6", 8, 1},
    {DType::kInt7, "int7", 8, 1},
});

constexpr std::array<DType, kInfos.size()> kDTypes = [] {
  std::array<DType, kInfos.size()> dtypes{};
  for (size_t i = 0; i < kInfos.size(); ++i) dtypes[i] = kInfos[i].dtype;
  return dtypes;
}();

constexpr bool IsInEnumOrder() {
  for (size_t i = 0; i < kDTypes.size(); ++i) {
    if (static_cast<size_t>(kDTypes[i]) != i) return false;
  }
  return kDTypes.back() == DType::kInt7;
}
static_assert(IsInEnumOrder(), "kInfos is indexed by DType");

struct Alias {
  absl::string_view name;
  DType dtype;
};

constexpr auto kAliases = std::to_array<Alias>({
    {"double", DType::kFloat64},
    {"float", DType::kFloat32},
    {"half", DType::kFloat16},
    {"long", DType::kInt64},
    {"int", DType::kInt32},
    {"short", DType::kInt16},
    {"cdouble", DType::kComplex128},
    {"cfloat", DType::kComplex64},
    {"chalf", DType::kComplex32},
});

const Info& InfoOf(DType dtype) {
  const size_t index = static_cast<size_t>(dtype);
  HOIST_CHECK(index < kInfos.size());
  return kInfos[index];
}

}  // namespace

absl::string_view DTypeName(DType dtype) { return InfoOf(dtype).name; }

std::optional<DType> DTypeFromName(absl::string_view name) {
  for (const Info& info : kInfos) {
    if (info.name == name) return info.dtype;
  }
  for (const Alias& alias : kAliases) {
    if (alias.name == name) return alias.dtype;
  }
  return std::nullopt;
}

int DTypeBits(DType dtype) { return InfoOf(dtype).bits; }

int DTypeSwapBytes(DType dtype) { return InfoOf(dtype).swap_bytes; }

bool IsFloatingPoint(DType dtype) { return InfoOf(dtype).kind == Kind::kFloat; }

bool IsComplex(DType dtype) { return InfoOf(dtype).kind == Kind::kComplex; }

absl::Span<const DType> AllDTypes() { return kDTypes; }

}  // namespace hoist
