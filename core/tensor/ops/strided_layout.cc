#include "hoist/core/tensor/ops/strided_layout.h"

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {

absl::StatusOr<StridedLayout> MakeStridedLayout(const TensorSpec& spec) {
  // Also that no offset computed from here on overflows.
  HOIST_RETURN_IF_ERROR(RequiredStorageBytes(spec, 0).status());
  HOIST_RETURN_IF_ERROR(LogicalBytes(spec).status());
  const int bits = DTypeBits(spec.dtype);
  if (bits % 8 != 0) {
    return absl::UnimplementedError(
        absl::StrCat("Elements of ", DTypeName(spec.dtype),
                     " are packed and cannot be gathered"));
  }
  StridedLayout layout;
  layout.element_bytes = bits / 8;
  HOIST_ASSIGN_OR_RETURN(layout.element_count, ElementCount(spec.shape));
  if (layout.element_count == 0) {
    return layout;
  }
  for (size_t i = 0; i < spec.shape.size(); ++i) {
    if (spec.shape[i] == 1) {
      continue;
    }
    const int last = layout.dimensions - 1;
    // Divided, since the product may be too large for an outer stride of 0.
    if (last >= 0 && layout.strides[last] % spec.shape[i] == 0 &&
        layout.strides[last] / spec.shape[i] == spec.strides[i]) {
      layout.sizes[last] *= spec.shape[i];
      layout.strides[last] = spec.strides[i];
      continue;
    }
    if (layout.dimensions == StridedLayout::kMaxDimensions) {
      return absl::UnimplementedError(
          absl::StrCat("Strides ", ShapeString(spec.strides), " of shape ",
                       ShapeString(spec.shape), " need more than ",
                       StridedLayout::kMaxDimensions, " dimensions"));
    }
    layout.sizes[layout.dimensions] = spec.shape[i];
    layout.strides[layout.dimensions] = spec.strides[i];
    ++layout.dimensions;
  }
  return layout;
}

}  // namespace hoist
