#ifndef HOIST_CHECKPOINT_TORCH_DIGITS_NET_H_
#define HOIST_CHECKPOINT_TORCH_DIGITS_NET_H_

#include <torch/torch.h>

namespace hoist::libtorch {

// The C++ twin of DigitsNet in tools/sample/train.py: [N, 1, 8, 8] images in
// [0, 1] to [N, 10] logits. Its parameters have the names that Python gave.
class DigitsNetImpl : public torch::nn::Module {
 public:
  DigitsNetImpl();

  torch::Tensor forward(torch::Tensor images);

 private:
  torch::nn::Sequential stem_;
  torch::nn::ModuleList blocks_;
  torch::nn::Linear head_;
};
TORCH_MODULE(DigitsNet);

}  // namespace hoist::libtorch

#endif  // HOIST_CHECKPOINT_TORCH_DIGITS_NET_H_
