#include "hoist/checkpoint/diff/paired_layout.h"

#include <algorithm>
#include <numeric>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

// The dimensions, the largest stride first.
std::vector<size_t> ByStride(const TensorSpec& spec) {
  std::vector<size_t> order(spec.shape.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&spec](size_t x, size_t y) {
    return spec.strides[x] > spec.strides[y];
  });
  return order;
}

// Whether the elements lie in memory without gaps and each once, in any order.
bool IsDense(const TensorSpec& spec) {
  const std::vector<size_t> order = ByStride(spec);
  int64_t elements = 1;  // of the dimensions so far, which do not overflow
  for (size_t i = order.size(); i-- > 0;) {
    if (spec.strides[order[i]] != elements) {
      return false;
    }
    elements *= spec.shape[order[i]];
  }
  return true;
}

}  // namespace

std::vector<int64_t> PairedLayout::IndexOf(int64_t element) const {
  std::vector<int64_t> index(rank, 0);
  if (is_linear) {
    for (const size_t dimension : ByStride(a)) {
      index[dimensions[dimension]] = element / a.strides[dimension];
      element %= a.strides[dimension];
    }
    return index;
  }
  for (size_t i = a.shape.size(); i-- > 0;) {
    index[dimensions[i]] = element % a.shape[i];
    element /= a.shape[i];
  }
  return index;
}

absl::StatusOr<PairedLayout> PairLayouts(const TensorSpec& a,
                                         const TensorSpec& b) {
  if (a.shape != b.shape || a.shape.size() != a.strides.size() ||
      b.shape.size() != b.strides.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("Tensors of shape ", ShapeString(a.shape), " and ",
                     ShapeString(b.shape), " are not compared"));
  }
  // The count of all, so that no product below overflows.
  HOIST_RETURN_IF_ERROR(LogicalBytes(a).status());
  HOIST_RETURN_IF_ERROR(LogicalBytes(b).status());
  PairedLayout layout;
  layout.rank = a.shape.size();
  layout.a.dtype = a.dtype;
  layout.b.dtype = b.dtype;
  HOIST_ASSIGN_OR_RETURN(layout.element_count, ElementCount(a.shape));
  if (layout.element_count == 0) {
    layout.a.shape = layout.b.shape = {0};
    layout.a.strides = layout.b.strides = {1};
    layout.dimensions = {0};
    return layout;
  }
  layout.element_count = 1;
  for (size_t i = 0; i < a.shape.size(); ++i) {
    if (a.shape[i] == 1) {
      continue;
    }
    if (a.strides[i] == 0 && b.strides[i] == 0) {
      layout.repeats *= a.shape[i];
      continue;
    }
    layout.element_count *= a.shape[i];
    layout.a.shape.push_back(a.shape[i]);
    layout.b.shape.push_back(a.shape[i]);
    layout.a.strides.push_back(a.strides[i]);
    layout.b.strides.push_back(b.strides[i]);
    layout.dimensions.push_back(i);
  }
  layout.is_linear = layout.a.strides == layout.b.strides && IsDense(layout.a);
  return layout;
}

}  // namespace hoist
