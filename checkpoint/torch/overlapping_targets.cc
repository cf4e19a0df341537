#include "hoist/checkpoint/torch/overlapping_targets.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>

namespace hoist::libtorch {
namespace {

struct Span {
  std::string device;
  uintptr_t begin = 0;
  uintptr_t end = 0;
  size_t tensor = 0;
};

}  // namespace

std::vector<bool> OverlappingTargets(absl::Span<const at::Tensor> tensors) {
  std::vector<Span> spans;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const at::Tensor& tensor = tensors[i];
    if (tensor.numel() == 0) {
      continue;
    }
    int64_t last = 0;
    for (int64_t dim = 0; dim < tensor.dim(); ++dim) {
      last += (tensor.size(dim) - 1) * tensor.stride(dim);
    }
    const auto begin = reinterpret_cast<uintptr_t>(tensor.const_data_ptr());
    spans.push_back({.device = tensor.device().str(),
                     .begin = begin,
                     .end = begin + static_cast<uintptr_t>(last + 1) *
                                        tensor.element_size(),
                     .tensor = i});
  }
  std::sort(spans.begin(), spans.end(), [](const Span& a, const Span& b) {
    return std::tie(a.device, a.begin) < std::tie(b.device, b.begin);
  });
  std::vector<bool> overlaps(tensors.size(), false);
  // Of those before, the one that ends last.
  const Span* last = nullptr;
  for (const Span& span : spans) {
    if (last != nullptr && last->device == span.device &&
        span.begin < last->end) {
      overlaps[last->tensor] = true;
      overlaps[span.tensor] = true;
    }
    if (last == nullptr || last->device != span.device ||
        span.end > last->end) {
      last = &span;
    }
  }
  return overlaps;
}

}  // namespace hoist::libtorch
