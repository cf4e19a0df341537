#ifndef HOIST_CHECKPOINT_FORMATS_DCP_TENSOR_BOX_H_
#define HOIST_CHECKPOINT_FORMATS_DCP_TENSOR_BOX_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"

namespace hoist {

// A part of a tensor: where it begins in each dimension, and how far it goes.
struct TensorBox {
  std::vector<int64_t> offsets;
  std::vector<int64_t> sizes;

  friend bool operator==(const TensorBox&, const TensorBox&) = default;
};

// All functions here take numbers that may come from a file. Thread-safe.

// "[0:3, 4:8]", as Python would cut it out of the tensor; "[]" of a scalar.
std::string BoxText(const TensorBox& box);

// Whether it has no element.
bool IsEmpty(const TensorBox& box);

// Whether `box` has as many dimensions as `shape`, and lies inside of it:
// kDataLoss, with both, if not.
absl::Status CheckBoxInside(const TensorBox& box,
                            absl::Span<const int64_t> shape);

// Whether `boxes` are all of a tensor of `shape`, each element of which is in
// one of them: kDataLoss with the place where that is not so, and the two boxes
// that have it both. Boxes without elements are let pass. Takes time for as
// many corners as all boxes have together; kResourceExhausted for more than
// makes sense.
absl::Status CheckBoxesCover(absl::Span<const TensorBox> boxes,
                             absl::Span<const int64_t> shape);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_DCP_TENSOR_BOX_H_
