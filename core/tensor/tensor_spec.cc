#include "hoist/core/tensor/tensor_spec.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "hoist/core/base/checked_math.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

bool IsNegative(int64_t number) { return number < 0; }

bool HasNoElements(absl::Span<const int64_t> shape) {
  return std::ranges::find(shape, 0) != shape.end();
}

absl::Status CheckShape(absl::Span<const int64_t> shape) {
  if (std::ranges::any_of(shape, IsNegative)) {
    return absl::InvalidArgumentError(
        absl::StrCat("Shape ", ShapeString(shape), " has a negative size"));
  }
  return absl::OkStatus();
}

absl::Status CheckSpec(const TensorSpec& spec) {
  HOIST_RETURN_IF_ERROR(CheckShape(spec.shape));
  if (spec.strides.size() != spec.shape.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("Strides ", ShapeString(spec.strides),
                     " are not as many as sizes in ", ShapeString(spec.shape)));
  }
  if (std::ranges::any_of(spec.strides, IsNegative)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "Strides ", ShapeString(spec.strides), " have a negative one"));
  }
  return absl::OkStatus();
}

absl::Status TooBig(absl::string_view what, absl::Span<const int64_t> shape) {
  return absl::InvalidArgumentError(absl::StrCat(
      what, " of shape ", ShapeString(shape), " does not fit into 63 bits"));
}

// Bytes of `count` elements in a row, the last one rounded up. Of eight
// elements at once, since the number of bits may overflow where that of bytes
// does not.
std::optional<int64_t> BytesOf(int64_t count, DType dtype) {
  const int64_t bits = DTypeBits(dtype);
  const std::optional<int64_t> eights = CheckedMul(count / 8, bits);
  if (!eights.has_value()) return std::nullopt;
  return CheckedAdd(*eights, (count % 8 * bits + 7) / 8);
}

}  // namespace

absl::StatusOr<int64_t> ElementCount(absl::Span<const int64_t> shape) {
  HOIST_RETURN_IF_ERROR(CheckShape(shape));
  if (HasNoElements(shape)) return 0;
  int64_t count = 1;
  for (const int64_t size : shape) {
    const std::optional<int64_t> product = CheckedMul(count, size);
    if (!product.has_value()) return TooBig("Element count", shape);
    count = *product;
  }
  return count;
}

absl::StatusOr<std::vector<int64_t>> ContiguousStrides(
    absl::Span<const int64_t> shape) {
  HOIST_RETURN_IF_ERROR(CheckShape(shape));
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;) {
    const std::optional<int64_t> product =
        CheckedMul(strides[i], std::max<int64_t>(shape[i], 1));
    if (!product.has_value()) return TooBig("Stride", shape);
    strides[i - 1] = *product;
  }
  return strides;
}

absl::StatusOr<TensorSpec> ContiguousSpec(DType dtype,
                                          std::vector<int64_t> shape) {
  HOIST_ASSIGN_OR_RETURN(std::vector<int64_t> strides,
                         ContiguousStrides(shape));
  return TensorSpec{dtype, std::move(shape), std::move(strides)};
}

absl::StatusOr<int64_t> LogicalBytes(const TensorSpec& spec) {
  HOIST_RETURN_IF_ERROR(CheckSpec(spec));
  HOIST_ASSIGN_OR_RETURN(const int64_t count, ElementCount(spec.shape));
  if (count % 8 * DTypeBits(spec.dtype) % 8 != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("Shape ", ShapeString(spec.shape), " of ",
                     DTypeName(spec.dtype), " does not fill its last byte"));
  }
  const std::optional<int64_t> bytes = BytesOf(count, spec.dtype);
  if (!bytes.has_value()) return TooBig("Number of bytes", spec.shape);
  return *bytes;
}

absl::StatusOr<int64_t> RequiredStorageBytes(const TensorSpec& spec,
                                             int64_t storage_offset) {
  HOIST_RETURN_IF_ERROR(CheckSpec(spec));
  if (storage_offset < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("Storage offset ", storage_offset, " is negative"));
  }
  if (HasNoElements(spec.shape)) return 0;
  std::optional<int64_t> end = CheckedAdd<int64_t>(storage_offset, 1);
  for (size_t i = 0; i < spec.shape.size() && end.has_value(); ++i) {
    const std::optional<int64_t> distance =
        CheckedMul(spec.shape[i] - 1, spec.strides[i]);
    end = distance.has_value() ? CheckedAdd(*end, *distance) : std::nullopt;
  }
  if (end.has_value()) end = BytesOf(*end, spec.dtype);
  if (!end.has_value()) {
    return TooBig(absl::StrCat("End of strides ", ShapeString(spec.strides),
                               " from offset ", storage_offset),
                  spec.shape);
  }
  return *end;
}

bool IsContiguous(const TensorSpec& spec) {
  if (!CheckSpec(spec).ok()) return false;
  if (HasNoElements(spec.shape)) return true;
  std::optional<int64_t> expected = 1;
  for (size_t i = spec.shape.size(); i-- > 0;) {
    if (spec.shape[i] == 1) continue;
    if (spec.strides[i] != expected) return false;
    expected = CheckedMul(*expected, spec.shape[i]);
  }
  return true;
}

std::string ShapeString(absl::Span<const int64_t> shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

}  // namespace hoist
