#include "hoist/checkpoint/migrate/constant_tensor.h"

#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <optional>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/element_value.h"
#include "hoist/core/tensor/ops/cast.h"

namespace hoist {
namespace {

template <typename T>
absl::StatusOr<std::vector<uint8_t>> Encoded(T number, DType from, DType to) {
  uint8_t bytes[sizeof(T)];
  std::memcpy(bytes, &number, sizeof(T));
  std::vector<uint8_t> element(static_cast<size_t>(DTypeBits(to)) / 8);
  HOIST_RETURN_IF_ERROR(Cast(from, bytes, to, absl::MakeSpan(element)));
  return element;
}

std::optional<double> FloatOf(const JsonTree& value) {
  if (value.kind == JsonTree::Kind::kInteger ||
      value.kind == JsonTree::Kind::kFloat) {
    return value.number;
  }
  if (value.kind != JsonTree::Kind::kString) {
    return std::nullopt;
  }
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  return value.text == "nan"    ? std::numeric_limits<double>::quiet_NaN()
         : value.text == "inf"  ? kInfinity
         : value.text == "-inf" ? std::optional<double>(-kInfinity)
                                : std::nullopt;
}

// Whether `made` is what was asked for, but for rounding.
bool Stands(double wanted, double made) {
  if (std::isnan(wanted) || std::isnan(made)) {
    return std::isnan(wanted) && std::isnan(made);
  }
  return std::isinf(wanted) == std::isinf(made) &&
         (wanted == 0 ? made == 0 : std::signbit(wanted) == std::signbit(made));
}

}  // namespace

absl::StatusOr<std::vector<uint8_t>> ConstantElement(DType dtype,
                                                     const JsonTree& value) {
  const auto misfit = [&](absl::string_view wanted) {
    return JsonError(
        value.position,
        absl::StrCat("A value of ", DTypeName(dtype), " is ", wanted,
                     ", and this is ", KindName(value.kind)));
  };
  const auto no_room = [&] {
    return JsonError(value.position,
                     absl::StrCat(DTypeName(dtype), " has no such number"));
  };
  if (dtype == DType::kBool) {
    return value.kind == JsonTree::Kind::kBool
               ? Encoded<uint8_t>(value.integer != 0 ? 1 : 0, dtype, dtype)
               : misfit("true or false");
  }
  if (!CanCast(DType::kFloat64, dtype)) {
    return JsonError(value.position, absl::StrCat("There are no constants of ",
                                                  DTypeName(dtype)));
  }
  if (!IsFloatingPoint(dtype)) {
    if (value.kind != JsonTree::Kind::kInteger) {
      return misfit("an integer");
    }
    auto element = Encoded(value.integer, DType::kInt64, dtype);
    HOIST_RETURN_IF_ERROR(element.status());
    const ElementValue made = DecodeElement(dtype, element->data());
    const auto* const number = std::get_if<int64_t>(&made);
    const auto* const natural = std::get_if<uint64_t>(&made);
    const bool fits =
        number != nullptr
            ? *number == value.integer
            : natural != nullptr && value.integer >= 0 &&
                  *natural == static_cast<uint64_t>(value.integer);
    return fits ? element : no_room();
  }
  const auto number = FloatOf(value);
  if (!number) {
    return misfit("a number, \"nan\", \"inf\" or \"-inf\"");
  }
  auto element = Encoded(*number, DType::kFloat64, dtype);
  HOIST_RETURN_IF_ERROR(element.status());
  const ElementValue made = DecodeElement(dtype, element->data());
  // Nothing is close to a number in a dtype of powers of two alone.
  const bool is_exact = dtype == DType::kFloat8E8m0fnu;
  const double made_number = std::get<double>(made);
  return Stands(*number, made_number) &&
                 (!is_exact || std::isnan(*number) || made_number == *number)
             ? element
             : no_room();
}

}  // namespace hoist
