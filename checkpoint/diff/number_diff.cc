#include "hoist/checkpoint/diff/number_diff.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstring>
#include <type_traits>
#include <variant>

#include "absl/strings/str_cat.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/element_value.h"
#include "hoist/core/tensor/ops/cast.h"

namespace hoist {
namespace {

// Elements that are decoded at once.
constexpr size_t kBlock = 1024;

enum class NumberKind { kNone, kInteger, kUnsigned, kFloat, kComplex };

// The dtype whose elements have the same bytes and are plain numbers.
DType PlainOf(DType dtype) {
  switch (dtype) {
    case DType::kQint8:
      return DType::kInt8;
    case DType::kQuint8:
      return DType::kUint8;
    case DType::kQint32:
      return DType::kInt32;
    default:
      return dtype;
  }
}

// Of the halves of complex numbers.
DType HalfOf(DType dtype) {
  switch (dtype) {
    case DType::kComplex32:
      return DType::kFloat16;
    case DType::kComplex64:
      return DType::kFloat32;
    default:
      return DType::kFloat64;
  }
}

// A byte with fewer bits that count.
bool IsSmallInteger(DType dtype) {
  return dtype >= DType::kUint1 && dtype <= DType::kInt7;
}

NumberKind KindOf(DType dtype) {
  if (IsComplex(dtype)) {
    return NumberKind::kComplex;
  }
  if (dtype == DType::kUint64) {
    return NumberKind::kUnsigned;
  }
  const DType plain = PlainOf(dtype);
  if (IsFloatingPoint(plain)) {
    return CanCast(plain, DType::kFloat64) ? NumberKind::kFloat
                                           : NumberKind::kNone;
  }
  return IsSmallInteger(plain) || CanCast(plain, DType::kInt64)
             ? NumberKind::kInteger
             : NumberKind::kNone;
}

// The elements as T: double for any kind, int64_t for kInteger.
template <typename T>
absl::Status Decode(const NumberRun& run, absl::Span<T> out) {
  const DType dtype = PlainOf(run.dtype);
  if (IsSmallInteger(dtype)) {
    for (size_t i = 0; i < out.size(); ++i) {
      out[i] = std::visit(
          [](auto value) -> T {
            if constexpr (std::is_same_v<decltype(value),
                                         std::complex<double>>) {
              return 0;  // an integer is none
            } else {
              return static_cast<T>(value);
            }
          },
          DecodeElement(dtype, &run.bytes[i]));
    }
  } else {
    HOIST_RETURN_IF_ERROR(
        Cast(IsComplex(dtype) ? HalfOf(dtype) : dtype, run.bytes,
             std::is_same_v<T, double> ? DType::kFloat64 : DType::kInt64,
             {reinterpret_cast<uint8_t*>(out.data()), out.size() * sizeof(T)}));
  }
  if (run.is_negative) {
    for (T& number : out) {
      number = static_cast<T>(0) - number;
    }
  }
  return absl::OkStatus();
}

// Two numbers that are no NaN and not the same.
void AddDifference(double difference, double b, const Tolerance& tolerance,
                   uint64_t index, NumberTotals& totals) {
  NumberDiff& diff = totals.diff;
  ++diff.differing;
  const bool is_within = std::isfinite(difference) &&
                         difference <= tolerance.atol + tolerance.rtol * b;
  diff.beyond += is_within ? 0 : 1;
  if (difference > diff.max_abs) {
    diff.max_abs = difference;
    totals.max_abs_index = index;
  }
  if (b != 0 && std::isfinite(b)) {
    diff.max_rel = std::max(diff.max_rel, difference / b);
  }
}

// Whether one is NaN, so that nothing is left to be compared.
bool AddNan(bool a, bool b, NumberTotals& totals) {
  totals.diff.nan_a += a ? 1 : 0;
  totals.diff.nan_b += b ? 1 : 0;
  if (a != b) {
    ++totals.diff.differing;
    ++totals.diff.beyond;
  }
  return a || b;
}

void CompareDoubles(absl::Span<const double> a, absl::Span<const double> b,
                    const Tolerance& tolerance, uint64_t first,
                    NumberTotals& totals) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i] || AddNan(std::isnan(a[i]), std::isnan(b[i]), totals)) {
      continue;
    }
    AddDifference(std::abs(a[i] - b[i]), std::abs(b[i]), tolerance, first + i,
                  totals);
  }
}

template <typename T>
void CompareIntegers(absl::Span<const T> a, absl::Span<const T> b,
                     const Tolerance& tolerance, uint64_t first,
                     NumberTotals& totals) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i]) {
      const auto [less, more] = std::minmax(a[i], b[i]);
      AddDifference(static_cast<double>(static_cast<uint64_t>(more) -
                                        static_cast<uint64_t>(less)),
                    std::abs(static_cast<double>(b[i])), tolerance, first + i,
                    totals);
    }
  }
}

void CompareComplex(absl::Span<const double> a, absl::Span<const double> b,
                    const Tolerance& tolerance, uint64_t first,
                    NumberTotals& totals) {
  for (size_t i = 0; i < a.size(); i += 2) {
    const bool is_nan_a = std::isnan(a[i]) || std::isnan(a[i + 1]);
    const bool is_nan_b = std::isnan(b[i]) || std::isnan(b[i + 1]);
    if ((a[i] == b[i] && a[i + 1] == b[i + 1]) ||
        AddNan(is_nan_a, is_nan_b, totals)) {
      continue;
    }
    AddDifference(std::hypot(a[i] - b[i], a[i + 1] - b[i + 1]),
                  std::hypot(b[i], b[i + 1]), tolerance, first + i / 2, totals);
  }
}

// As pairs of doubles, of which real numbers have no second.
absl::Status DecodeComplex(const NumberRun& run, absl::Span<double> out) {
  if (IsComplex(run.dtype)) {
    HOIST_RETURN_IF_ERROR(Decode(run, out));
    for (size_t i = 1; run.is_conjugate && i < out.size(); i += 2) {
      out[i] = -out[i];
    }
    return absl::OkStatus();
  }
  const size_t count = out.size() / 2;
  HOIST_RETURN_IF_ERROR(Decode(run, out.first(count)));
  for (size_t i = count; i-- > 0;) {
    out[2 * i] = out[i];
    out[2 * i + 1] = 0;
  }
  return absl::OkStatus();
}

template <typename T>
absl::Span<const T> As(absl::Span<const uint8_t> bytes,
                       std::array<T, kBlock>& out) {
  std::memcpy(out.data(), bytes.data(), bytes.size());
  return absl::MakeConstSpan(out).first(bytes.size() / sizeof(T));
}

absl::Status CompareBlock(const NumberRun& a, const NumberRun& b, size_t count,
                          const Tolerance& tolerance, uint64_t first,
                          NumberTotals& totals) {
  const NumberKind kind_a = KindOf(a.dtype);
  const NumberKind kind_b = KindOf(b.dtype);
  if (kind_a == NumberKind::kComplex || kind_b == NumberKind::kComplex) {
    std::array<double, 2 * kBlock> numbers_a;
    std::array<double, 2 * kBlock> numbers_b;
    const auto span_a = absl::MakeSpan(numbers_a).first(2 * count);
    const auto span_b = absl::MakeSpan(numbers_b).first(2 * count);
    HOIST_RETURN_IF_ERROR(DecodeComplex(a, span_a));
    HOIST_RETURN_IF_ERROR(DecodeComplex(b, span_b));
    CompareComplex(span_a, span_b, tolerance, first, totals);
    return absl::OkStatus();
  }
  if (kind_a == NumberKind::kInteger && kind_b == NumberKind::kInteger) {
    std::array<int64_t, kBlock> numbers_a;
    std::array<int64_t, kBlock> numbers_b;
    const auto span_a = absl::MakeSpan(numbers_a).first(count);
    const auto span_b = absl::MakeSpan(numbers_b).first(count);
    HOIST_RETURN_IF_ERROR(Decode(a, span_a));
    HOIST_RETURN_IF_ERROR(Decode(b, span_b));
    CompareIntegers<int64_t>(span_a, span_b, tolerance, first, totals);
    return absl::OkStatus();
  }
  if (kind_a == NumberKind::kUnsigned && kind_b == NumberKind::kUnsigned) {
    std::array<uint64_t, kBlock> numbers_a;
    std::array<uint64_t, kBlock> numbers_b;
    CompareIntegers<uint64_t>(As(a.bytes, numbers_a), As(b.bytes, numbers_b),
                              tolerance, first, totals);
    return absl::OkStatus();
  }
  std::array<double, kBlock> numbers_a;
  std::array<double, kBlock> numbers_b;
  const auto span_a = absl::MakeSpan(numbers_a).first(count);
  const auto span_b = absl::MakeSpan(numbers_b).first(count);
  HOIST_RETURN_IF_ERROR(Decode(a, span_a));
  HOIST_RETURN_IF_ERROR(Decode(b, span_b));
  CompareDoubles(span_a, span_b, tolerance, first, totals);
  return absl::OkStatus();
}

}  // namespace

void NumberTotals::Merge(const NumberTotals& other) {
  diff.count += other.diff.count;
  diff.differing += other.diff.differing;
  diff.beyond += other.diff.beyond;
  diff.nan_a += other.diff.nan_a;
  diff.nan_b += other.diff.nan_b;
  diff.max_rel = std::max(diff.max_rel, other.diff.max_rel);
  if (other.diff.max_abs > diff.max_abs ||
      (other.diff.max_abs == diff.max_abs && diff.max_abs > 0 &&
       other.max_abs_index < max_abs_index)) {
    diff.max_abs = other.diff.max_abs;
    max_abs_index = other.max_abs_index;
  }
}

bool HasNumbers(DType dtype) { return KindOf(dtype) != NumberKind::kNone; }

absl::Status CompareNumbers(const NumberRun& a, const NumberRun& b,
                            const Tolerance& tolerance, uint64_t first_index,
                            NumberTotals& totals) {
  if (!HasNumbers(a.dtype) || !HasNumbers(b.dtype)) {
    return absl::UnimplementedError(
        absl::StrCat("Elements of ", DTypeName(a.dtype), " and ",
                     DTypeName(b.dtype), " cannot be compared as numbers"));
  }
  const size_t size_a = static_cast<size_t>(DTypeBits(a.dtype)) / 8;
  const size_t size_b = static_cast<size_t>(DTypeBits(b.dtype)) / 8;
  const size_t count = a.bytes.size() / size_a;
  if (a.bytes.size() != count * size_a || b.bytes.size() != count * size_b) {
    return absl::InvalidArgumentError(
        absl::StrCat(a.bytes.size(), " bytes of ", DTypeName(a.dtype), " and ",
                     b.bytes.size(), " of ", DTypeName(b.dtype),
                     " are not as many elements"));
  }
  NumberTotals found;
  found.diff.count = count;
  for (size_t at = 0; at < count; at += kBlock) {
    const size_t size = std::min(kBlock, count - at);
    NumberRun part_a = a;
    NumberRun part_b = b;
    part_a.bytes = a.bytes.subspan(at * size_a, size * size_a);
    part_b.bytes = b.bytes.subspan(at * size_b, size * size_b);
    HOIST_RETURN_IF_ERROR(
        CompareBlock(part_a, part_b, size, tolerance, first_index + at, found));
  }
  totals.Merge(found);
  return absl::OkStatus();
}

}  // namespace hoist
