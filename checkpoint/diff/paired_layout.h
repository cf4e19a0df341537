#ifndef HOIST_CHECKPOINT_DIFF_PAIRED_LAYOUT_H_
#define HOIST_CHECKPOINT_DIFF_PAIRED_LAYOUT_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "hoist/core/tensor/tensor_spec.h"

namespace hoist {

// How to go through the elements of two tensors of one shape side by side: in
// the order of memory where both lie alike without gaps, and else row-major.
// What both repeat is gone through once. Pure data.
struct PairedLayout {
  TensorSpec a;  // without what is repeated, or of size 1
  TensorSpec b;
  int64_t element_count = 0;  // of `a`
  // How often each of them is there.
  int64_t repeats = 1;
  // Element i of both is the one i elements behind the first.
  bool is_linear = false;

  // The indices, along each dimension of the tensors, of the element that comes
  // `element`-th.
  std::vector<int64_t> IndexOf(int64_t element) const;

  std::vector<size_t> dimensions;  // of the tensors, by dimension of `a`
  size_t rank = 0;                 // of the tensors
};

// kInvalidArgument for specs of other shapes, and for numbers that do not fit.
// Thread-safe.
absl::StatusOr<PairedLayout> PairLayouts(const TensorSpec& a,
                                         const TensorSpec& b);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_DIFF_PAIRED_LAYOUT_H_
