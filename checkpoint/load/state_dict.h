#ifndef HOIST_CHECKPOINT_LOAD_STATE_DICT_H_
#define HOIST_CHECKPOINT_LOAD_STATE_DICT_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "hoist/core/tensor/tensor.h"

namespace hoist {

// Tensors by name, in the order of the checkpoint. Aliases share their buffer.
// Thread-compatible.
class StateDict {
 public:
  struct Item {
    std::string name;
    Tensor tensor;
  };

  // Makes room for `count` tensors in all.
  void Reserve(size_t count) {
    items_.reserve(count);
    index_.reserve(count);
  }

  void Add(std::string name, Tensor tensor) {
    index_.try_emplace(name, items_.size());
    items_.push_back({std::move(name), std::move(tensor)});
  }

  // The first tensor of that name, or null.
  const Tensor* Find(absl::string_view name) const;

  size_t size() const { return items_.size(); }
  std::vector<Item>::const_iterator begin() const { return items_.begin(); }
  std::vector<Item>::const_iterator end() const { return items_.end(); }

 private:
  std::vector<Item> items_;
  absl::flat_hash_map<std::string, size_t> index_;  // the first of each name
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_LOAD_STATE_DICT_H_
