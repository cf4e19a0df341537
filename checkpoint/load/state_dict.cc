#include "hoist/checkpoint/load/state_dict.h"

namespace hoist {

const Tensor* StateDict::Find(absl::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &items_[found->second].tensor;
}

}  // namespace hoist
