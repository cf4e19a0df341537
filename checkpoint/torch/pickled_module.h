#ifndef HOIST_CHECKPOINT_TORCH_PICKLED_MODULE_H_
#define HOIST_CHECKPOINT_TORCH_PICKLED_MODULE_H_

#include "hoist/checkpoint/catalog/value.h"

namespace hoist::libtorch {

// Whether a value is a pickled torch.nn.Module: an object with `_parameters`,
// `_buffers` and `_modules`. Thread-safe.
inline bool IsPickledModule(Value value) {
  return value.kind() == ValueKind::kOpaque &&
         value.state().Find("_parameters").has_value() &&
         value.state().Find("_buffers").has_value() &&
         value.state().Find("_modules").has_value();
}

}  // namespace hoist::libtorch

#endif  // HOIST_CHECKPOINT_TORCH_PICKLED_MODULE_H_
