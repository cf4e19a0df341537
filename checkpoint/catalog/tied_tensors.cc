#include "hoist/checkpoint/catalog/tied_tensors.h"

#include <cstddef>

namespace hoist {

TiedTensors::View TiedTensors::ViewOf(const TensorEntry& tensor) {
  return View(*tensor.storage, tensor.storage_offset, tensor.spec.shape,
              tensor.spec.strides, tensor.spec.dtype);
}

int TiedTensors::Add(int tensor) {
  const TensorEntry& entry = catalog_.tensors[static_cast<size_t>(tensor)];
  if (!entry.storage) {
    return tensor;
  }
  int& first = first_[static_cast<size_t>(*entry.storage)];
  if (first < 0) {
    first = tensor;
    return tensor;
  }
  const View view = ViewOf(entry);
  if (view == ViewOf(catalog_.tensors[static_cast<size_t>(first)])) {
    return first;
  }
  return others_.try_emplace(view, tensor).first->second;
}

}  // namespace hoist
