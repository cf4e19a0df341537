#include "hoist/checkpoint/migrate/tensor_transforms.h"

#include <cstddef>
#include <numeric>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "hoist/checkpoint/selection/tensor_slice.h"
#include "hoist/core/base/checked_math.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

absl::Status DoesNotFit(const TensorSpec& spec,
                        absl::Span<const int64_t> shape) {
  return absl::InvalidArgumentError(absl::StrCat("Shape ", ShapeString(shape),
                                                 " has not the elements of ",
                                                 ShapeString(spec.shape)));
}

}  // namespace

absl::StatusOr<size_t> DimensionOf(int64_t dimension, size_t dimensions) {
  const auto count = static_cast<int64_t>(dimensions);
  if (dimension < -count || dimension >= count) {
    return absl::InvalidArgumentError(absl::StrCat(
        "There is no dimension ", dimension, " among ", dimensions));
  }
  return static_cast<size_t>(dimension < 0 ? dimension + count : dimension);
}

absl::StatusOr<TensorEntry> PermuteTensor(const TensorEntry& tensor,
                                          absl::Span<const int64_t> order) {
  const size_t dimensions = tensor.spec.shape.size();
  if (order.size() != dimensions) {
    return absl::InvalidArgumentError(
        absl::StrCat("An order of ", order.size(), " dimensions does not fit ",
                     "shape ", ShapeString(tensor.spec.shape)));
  }
  TensorEntry permuted = tensor;
  std::vector<bool> is_taken(dimensions, false);
  for (size_t i = 0; i < dimensions; ++i) {
    HOIST_ASSIGN_OR_RETURN(const size_t from,
                           DimensionOf(order[i], dimensions));
    if (is_taken[from]) {
      return absl::InvalidArgumentError(
          absl::StrCat("Dimension ", from, " is in the order twice"));
    }
    is_taken[from] = true;
    permuted.spec.shape[i] = tensor.spec.shape[from];
    permuted.spec.strides[i] = tensor.spec.strides[from];
  }
  return permuted;
}

absl::StatusOr<TensorEntry> TransposeTensor(const TensorEntry& tensor,
                                            int64_t first, int64_t second) {
  TensorSpec spec = tensor.spec;
  HOIST_ASSIGN_OR_RETURN(const size_t a, DimensionOf(first, spec.shape.size()));
  HOIST_ASSIGN_OR_RETURN(const size_t b,
                         DimensionOf(second, spec.shape.size()));
  std::swap(spec.shape[a], spec.shape[b]);
  std::swap(spec.strides[a], spec.strides[b]);
  TensorEntry transposed = tensor;
  transposed.spec = std::move(spec);
  return transposed;
}

absl::StatusOr<std::vector<int64_t>> ResolveShape(
    const TensorSpec& spec, absl::Span<const int64_t> shape) {
  HOIST_ASSIGN_OR_RETURN(const int64_t count, ElementCount(spec.shape));
  std::vector<int64_t> resolved(shape.begin(), shape.end());
  std::optional<size_t> open;
  std::optional<int64_t> known = 1;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] >= 0) {
      known = known ? CheckedMul(*known, shape[i]) : std::nullopt;
    } else if (shape[i] == -1 && !open) {
      open = i;
    } else {
      return absl::InvalidArgumentError(absl::StrCat(
          "Shape ", ShapeString(shape),
          " may have one -1, and else sizes that are not negative"));
    }
  }
  if (!known) {
    return DoesNotFit(spec, shape);
  }
  if (open) {
    if (*known == 0 || count % *known != 0) {
      return DoesNotFit(spec, shape);
    }
    resolved[*open] = count / *known;
  } else if (*known != count) {
    return DoesNotFit(spec, shape);
  }
  return resolved;
}

absl::StatusOr<TensorEntry> ReshapeTensor(const TensorEntry& tensor,
                                          std::vector<int64_t> shape) {
  TensorEntry reshaped = tensor;
  HOIST_ASSIGN_OR_RETURN(reshaped.spec,
                         ContiguousSpec(tensor.spec.dtype, std::move(shape)));
  return reshaped;
}

absl::StatusOr<TensorEntry> NarrowTensor(const TensorEntry& tensor,
                                         size_t dimension, int64_t start,
                                         int64_t size) {
  if (DTypeBits(tensor.spec.dtype) % 8 != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("Parts of ", DTypeName(tensor.spec.dtype),
                     " cannot be taken, as its elements are packed"));
  }
  const auto end = CheckedAdd(start, size);
  if (start < 0 || size < 0 || !end || *end > tensor.spec.shape[dimension]) {
    return absl::InvalidArgumentError(
        absl::StrCat(size, " places from ", start, " on are not in dimension ",
                     dimension, " of shape ", ShapeString(tensor.spec.shape)));
  }
  TensorEntry part = tensor;
  part.spec.shape[dimension] = size;
  // In a tensor without elements its place does not matter.
  const auto distance = CheckedMul(start, tensor.spec.strides[dimension]);
  const auto offset =
      distance ? CheckedAdd(tensor.storage_offset, *distance) : std::nullopt;
  part.storage_offset = offset.value_or(tensor.storage_offset);
  return part;
}

std::optional<TensorEntry> JoinTensors(absl::Span<const TensorEntry> parts,
                                       size_t dim) {
  TensorEntry whole = parts[0];
  for (size_t i = 1; i < parts.size(); ++i) {
    const TensorEntry& part = parts[i];
    const std::vector<int64_t>& shape = part.spec.shape;
    if (!whole.storage || part.storage != whole.storage ||
        part.spec.dtype != whole.spec.dtype ||
        part.spec.strides != whole.spec.strides ||
        part.is_conjugate != whole.is_conjugate ||
        part.is_negative != whole.is_negative) {
      return std::nullopt;
    }
    for (size_t other = 0; other < shape.size(); ++other) {
      if (other != dim && shape[other] != whole.spec.shape[other]) {
        return std::nullopt;
      }
    }
    int64_t& size = whole.spec.shape[dim];
    const auto distance = CheckedMul(size, whole.spec.strides[dim]);
    const auto next =
        distance ? CheckedAdd(whole.storage_offset, *distance) : std::nullopt;
    const auto sum = CheckedAdd(size, shape[dim]);
    if (!sum || next != part.storage_offset) {
      return std::nullopt;
    }
    size = *sum;
  }
  return whole;
}

absl::StatusOr<TensorEntry> IndexTensor(const TensorEntry& tensor,
                                        absl::string_view index) {
  if (absl::ConsumePrefix(&index, "[") && !absl::ConsumeSuffix(&index, "]")) {
    return absl::InvalidArgumentError("The index has no closing bracket");
  }
  HOIST_ASSIGN_OR_RETURN(const TensorSlice slice, ParseTensorSlice(index));
  HOIST_ASSIGN_OR_RETURN(TensorEntry part, SliceTensor(tensor, slice));
  part.name = tensor.name;
  part.requires_grad = tensor.requires_grad;
  part.is_parameter = tensor.is_parameter;
  return part;
}

}  // namespace hoist
