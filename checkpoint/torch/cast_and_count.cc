#include "hoist/checkpoint/torch/cast_and_count.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/isnan.h>

#include <algorithm>

namespace hoist::libtorch {
namespace {

constexpr int64_t kPartElements = int64_t{1} << 20;

uint64_t CountTrue(const at::Tensor& mask) {
  return static_cast<uint64_t>(mask.sum().item<int64_t>());
}

// isfinite() and isnan() are not there for floats of 8 bits.
at::Tensor Comparable(const at::Tensor& part) {
  return part.element_size() == 1 ? part.to(at::kFloat) : part;
}

}  // namespace

CountedCast CastAndCount(const at::Tensor& tensor, at::ScalarType dtype) {
  CountedCast cast = {
      .tensor = at::empty(tensor.sizes(), tensor.options().dtype(dtype))};
  const at::Tensor from = tensor.reshape({-1});
  const at::Tensor to = cast.tensor.view({-1});
  for (int64_t at = 0; at < from.numel(); at += kPartElements) {
    const int64_t count = std::min(kPartElements, from.numel() - at);
    const at::Tensor part = from.narrow(0, at, count);
    at::Tensor result = to.narrow(0, at, count);
    result.copy_(part);
    const at::Tensor before = Comparable(part);
    const at::Tensor after = Comparable(result);
    const at::Tensor lost = at::isfinite(after).logical_not();
    if (lost.any().item<bool>()) {
      cast.infinite_count += CountTrue(lost.logical_and(at::isfinite(before)));
      cast.nan_count += CountTrue(at::isnan(before));
    }
  }
  return cast;
}

}  // namespace hoist::libtorch
