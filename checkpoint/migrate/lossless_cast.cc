#include "hoist/checkpoint/migrate/lossless_cast.h"

#include <optional>

#include "hoist/core/tensor/ops/cast.h"

namespace hoist {
namespace {

// The numbers of a dtype: those of so many significant bits whose lowest and
// highest bit may have these weights (powers of two), with and without a sign.
struct Numbers {
  int bits;
  int lowest;
  int highest;
  bool is_signed;
  bool has_infinity;
  bool has_zero = true;
  bool has_negative_zero = true;
};

Numbers Integers(int bits, bool is_signed) {
  // The smallest one, a power of two, has one bit more than the others.
  return {is_signed ? bits - 1 : bits,
          0,
          is_signed ? bits - 1 : bits - 1,
          is_signed,
          false,
          true,
          false};
}

std::optional<Numbers> NumbersOf(DType dtype) {
  switch (dtype) {
    case DType::kBool:
      return Integers(1, false);
    case DType::kUint8:
    case DType::kUint16:
    case DType::kUint32:
    case DType::kUint64:
      return Integers(DTypeBits(dtype), false);
    case DType::kInt8:
    case DType::kInt16:
    case DType::kInt32:
    case DType::kInt64:
      return Integers(DTypeBits(dtype), true);
    case DType::kFloat16:
      return Numbers{11, -24, 15, true, true};
    case DType::kBfloat16:
      return Numbers{8, -133, 127, true, true};
    case DType::kFloat32:
      return Numbers{24, -149, 127, true, true};
    case DType::kFloat64:
      return Numbers{53, -1074, 1023, true, true};
    case DType::kFloat8E4m3fn:
      return Numbers{4, -9, 8, true, false};
    case DType::kFloat8E5m2:
      return Numbers{3, -16, 15, true, true};
    case DType::kFloat8E4m3fnuz:
      return Numbers{4, -10, 7, true, false, true, false};
    case DType::kFloat8E5m2fnuz:
      return Numbers{3, -17, 15, true, false, true, false};
    case DType::kFloat8E8m0fnu:
      return Numbers{1, -127, 127, false, false, false, false};
    default:
      return std::nullopt;
  }
}

}  // namespace

bool IsLosslessCast(DType from, DType to) {
  if (from == to) {
    return true;
  }
  const auto source = NumbersOf(from);
  const auto target = NumbersOf(to);
  if (!source || !target || !CanCast(from, to)) {
    return false;
  }
  return source->bits <= target->bits && source->lowest >= target->lowest &&
         source->highest <= target->highest &&
         (target->is_signed || !source->is_signed) &&
         (target->has_infinity || !source->has_infinity) &&
         (target->has_zero || !source->has_zero) &&
         (target->has_negative_zero || !source->has_negative_zero);
}

}  // namespace hoist
