#include "hoist/checkpoint/torch/digits_net.h"

namespace hoist::libtorch {
namespace {

constexpr int64_t kWidth = 16;
constexpr int kBlockCount = 4;
constexpr int64_t kClassCount = 10;

torch::nn::Conv2d Convolution(int64_t from, int64_t to) {
  return torch::nn::Conv2d(
      torch::nn::Conv2dOptions(from, to, 3).padding(1).bias(false));
}

// conv, bn, relu, conv, bn, add the input, relu.
class BlockImpl : public torch::nn::Module {
 public:
  BlockImpl()
      : conv1_(register_module("conv1", Convolution(kWidth, kWidth))),
        bn1_(register_module("bn1", torch::nn::BatchNorm2d(kWidth))),
        conv2_(register_module("conv2", Convolution(kWidth, kWidth))),
        bn2_(register_module("bn2", torch::nn::BatchNorm2d(kWidth))) {}

  torch::Tensor forward(torch::Tensor x) {
    const torch::Tensor y = torch::relu(bn1_(conv1_(x)));
    return torch::relu(x + bn2_(conv2_(y)));
  }

 private:
  torch::nn::Conv2d conv1_;
  torch::nn::BatchNorm2d bn1_;
  torch::nn::Conv2d conv2_;
  torch::nn::BatchNorm2d bn2_;
};
TORCH_MODULE(Block);

}  // namespace

DigitsNetImpl::DigitsNetImpl()
    : stem_(register_module(
          "stem", torch::nn::Sequential(Convolution(1, kWidth),
                                        torch::nn::BatchNorm2d(kWidth),
                                        torch::nn::ReLU()))),
      blocks_(register_module("blocks", torch::nn::ModuleList())),
      head_(register_module("head", torch::nn::Linear(kWidth, kClassCount))) {
  for (int i = 0; i < kBlockCount; ++i) {
    blocks_->push_back(Block());
  }
}

torch::Tensor DigitsNetImpl::forward(torch::Tensor images) {
  torch::Tensor x = stem_->forward(images);
  for (const auto& block : *blocks_) {
    x = block->as<BlockImpl>()->forward(x);
  }
  return head_(x.mean({2, 3}));
}

}  // namespace hoist::libtorch
