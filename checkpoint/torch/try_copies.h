#ifndef HOIST_CHECKPOINT_TORCH_TRY_COPIES_H_
#define HOIST_CHECKPOINT_TORCH_TRY_COPIES_H_

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <set>
#include <string>
#include <utility>

namespace hoist::libtorch {

// Finds out, before anything is changed, whether LibTorch copies from the CPU
// to tensors of such dtypes on such devices. Thread-compatible.
class CopyTrial {
 public:
  // Throws if it does not copy to tensors like `target`, which stays as it is.
  void TryCopy(const at::Tensor& target) {
    const at::ScalarType dtype = target.scalar_type();
    if (tried_.emplace(dtype, target.device().str()).second) {
      at::empty({2}, target.options().requires_grad(false))
          .copy_(at::empty({2}, dtype));
    }
  }

 private:
  std::set<std::pair<at::ScalarType, std::string>> tried_;
};

}  // namespace hoist::libtorch

#endif  // HOIST_CHECKPOINT_TORCH_TRY_COPIES_H_
