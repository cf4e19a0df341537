#ifndef HOIST_CORE_TENSOR_OPS_STRIDED_LAYOUT_H_
#define HOIST_CORE_TENSOR_OPS_STRIDED_LAYOUT_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "hoist/core/tensor/ops/host_device.h"
#include "hoist/core/tensor/tensor_spec.h"

namespace hoist {

// Where the elements of a tensor lie, in as few dimensions as say the same:
// those of size 1 are left out, and neighbours that one stride walks through
// are one. Plain data that a kernel can be given. Thread-safe.
struct StridedLayout {
  static constexpr int kMaxDimensions = 16;

  int element_bytes = 0;  // 1, 2, 4, 8 or 16
  int64_t element_count = 0;
  int dimensions = 0;
  int64_t sizes[kMaxDimensions] = {};
  int64_t strides[kMaxDimensions] = {};  // in elements, not negative
};

// kInvalidArgument where the spec's numbers are not those of a tensor
// (tensor_spec.h); kUnimplemented for a packed dtype and for more than
// kMaxDimensions after collapsing.
absl::StatusOr<StridedLayout> MakeStridedLayout(const TensorSpec& spec);

// Where element `index` of a row-major copy comes from, in elements from the
// tensor's first. The same code for the host and the device.
struct StridedElement {
  HOIST_HOST_DEVICE int64_t operator()(const StridedLayout& layout,
                                       int64_t index) const {
    int64_t place = 0;
    for (int i = layout.dimensions - 1; i >= 0; --i) {
      place += index % layout.sizes[i] * layout.strides[i];
      index /= layout.sizes[i];
    }
    return place;
  }
};

}  // namespace hoist

#endif  // HOIST_CORE_TENSOR_OPS_STRIDED_LAYOUT_H_
