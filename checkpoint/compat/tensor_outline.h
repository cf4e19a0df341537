#ifndef HOIST_CHECKPOINT_COMPAT_TENSOR_OUTLINE_H_
#define HOIST_CHECKPOINT_COMPAT_TENSOR_OUTLINE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "hoist/core/tensor/dtype.h"

namespace hoist {

// A tensor of a state dict without its bytes: all that decides whether it can
// be loaded into another.
struct TensorOutline {
  std::string name;
  DType dtype = DType::kFloat32;
  std::vector<int64_t> shape;
  // False for what a state dict has beside tensors (`_extra_state`): it has a
  // name, and no more.
  bool is_tensor = true;

  friend bool operator==(const TensorOutline&, const TensorOutline&) = default;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_COMPAT_TENSOR_OUTLINE_H_
