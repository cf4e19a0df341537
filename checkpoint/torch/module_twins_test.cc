// C++ twins of Python's models get Python's weights, and give Python's outputs
// (testdata/generate.py).

#include <torch/torch.h>

#include <cmath>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/torch/load_into_module.h"
#include "hoist/checkpoint/torch/to_torch.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist::libtorch {
namespace {

namespace nn = torch::nn;
using ::testing::Contains;
using torch::Tensor;

std::string PathOf(const std::string& name) {
  return "checkpoint/torch/testdata/torch-2.11/" + name;
}

// Loads NAME.pt into `model`, and expects the output of NAME_io.safetensors for
// its input: with what was there before, it is another.
template <typename Model>
LoadIntoReport ExpectPythonsOutput(const std::string& name, Model& model,
                                   LoadIntoOptions options = {}) {
  auto io = Checkpoint::Open(PathOf(name + "_io.safetensors"));
  HOIST_EXPECT_OK(io.status());
  auto loaded = Load(*io);
  HOIST_EXPECT_OK(loaded.status());
  auto tensors = ToTorch(loaded->tensors);
  HOIST_EXPECT_OK(tensors.status());
  const Tensor& input = (*tensors)["input"];
  const Tensor& output = (*tensors)["output"];
  const torch::NoGradGuard no_grad;
  model->eval();
  EXPECT_GT((model->forward(input) - output).abs().max().template item<float>(),
            1e-2);
  model->train();
  options.eval = true;
  auto report = LoadIntoModule(PathOf(name + ".pt"), *model, options);
  HOIST_EXPECT_OK(report.status());
  const Tensor got = model->forward(input);
  EXPECT_EQ(got.sizes(), output.sizes());
  EXPECT_LT((got - output).abs().max().template item<float>(), 1e-5);
  return report.ok() ? *report : LoadIntoReport();
}

TEST(ModuleTwinsTest, Mlp) {
  nn::Sequential model(nn::Linear(6, 16), nn::ReLU(), nn::Linear(16, 16),
                       nn::GELU(), nn::Linear(16, 4));
  EXPECT_EQ(ExpectPythonsOutput("mlp", model).loaded.size(), 6u);
}

nn::Conv2d Convolution(int64_t from, int64_t to, int64_t size, int64_t stride) {
  return nn::Conv2d(nn::Conv2dOptions(from, to, size)
                        .stride(stride)
                        .padding(size / 2)
                        .bias(false));
}

struct BlockImpl : nn::Module {
  BlockImpl(int64_t from, int64_t to, int64_t stride) {
    conv1 = register_module("conv1", Convolution(from, to, 3, stride));
    bn1 = register_module("bn1", nn::BatchNorm2d(to));
    conv2 = register_module("conv2", Convolution(to, to, 3, 1));
    bn2 = register_module("bn2", nn::BatchNorm2d(to));
    if (stride != 1 || from != to) {
      downsample = register_module(
          "downsample", nn::Sequential(Convolution(from, to, 1, stride),
                                       nn::BatchNorm2d(to)));
    }
  }
  Tensor forward(const Tensor& x) {
    const Tensor y = bn2(conv2(torch::relu(bn1(conv1(x)))));
    return torch::relu(y + (downsample ? downsample->forward(x) : x));
  }
  nn::Conv2d conv1{nullptr}, conv2{nullptr};
  nn::BatchNorm2d bn1{nullptr}, bn2{nullptr};
  nn::Sequential downsample{nullptr};
};
TORCH_MODULE(Block);

struct ResNetImpl : nn::Module {
  Tensor forward(const Tensor& x) {
    const Tensor y = layer1->forward(torch::relu(bn1(conv1(x))));
    return fc(layer2->forward(y).mean({2, 3}));
  }
  nn::Conv2d conv1 = register_module("conv1", Convolution(3, 4, 3, 1));
  nn::BatchNorm2d bn1 = register_module("bn1", nn::BatchNorm2d(4));
  nn::Sequential layer1 =
      register_module("layer1", nn::Sequential(Block(4, 4, 1)));
  nn::Sequential layer2 =
      register_module("layer2", nn::Sequential(Block(4, 8, 2), Block(8, 8, 1)));
  nn::Linear fc = register_module("fc", nn::Linear(8, 5));
};
TORCH_MODULE(ResNet);

TEST(ModuleTwinsTest, ResNet) {
  ResNet model;
  LoadIntoOptions options;
  options.sub_dict = "state_dict";
  options.renames = {RenameRule::Prefix("module.", "")};
  const LoadIntoReport report = ExpectPythonsOutput("resnet", model, options);
  EXPECT_THAT(report.loaded, Contains("layer2.0.downsample.1.running_var"));
  EXPECT_EQ(model->bn1->num_batches_tracked.item<int64_t>(), 7);
}

struct TaggerImpl : nn::Module {
  Tensor forward(const Tensor& tokens) {
    return out(std::get<0>(lstm(embed(tokens))));
  }
  nn::Embedding embed = register_module("embed", nn::Embedding(11, 6));
  nn::LSTM lstm = register_module(
      "lstm",
      nn::LSTM(
          nn::LSTMOptions(6, 5).num_layers(2).batch_first(true).bidirectional(
              true)));
  nn::Linear out = register_module("out", nn::Linear(10, 3));
};
TORCH_MODULE(Tagger);

TEST(ModuleTwinsTest, Lstm) {
  Tagger model;
  // The only dict with such names is found.
  EXPECT_EQ(ExpectPythonsOutput("lstm", model).sub_dict, "model_state_dict");
}

constexpr int64_t kWidth = 8;
constexpr int64_t kHeads = 2;

struct AttentionImpl : nn::Module {
  Tensor forward(const Tensor& x) {
    const int64_t batch = x.size(0);
    const int64_t length = x.size(1);
    std::vector<Tensor> qkv = c_attn(x).split(kWidth, 2);
    for (Tensor& part : qkv) {
      part =
          part.view({batch, length, kHeads, kWidth / kHeads}).transpose(1, 2);
    }
    const Tensor hidden = torch::ones({length, length}, torch::kBool).triu(1);
    const Tensor scores =
        (qkv[0].matmul(qkv[1].transpose(-2, -1)) /
         std::sqrt(static_cast<double>(kWidth / kHeads)))
            .masked_fill(hidden, -std::numeric_limits<float>::infinity())
            .softmax(-1);
    return c_proj(
        scores.matmul(qkv[2]).transpose(1, 2).reshape({batch, length, kWidth}));
  }
  nn::Linear c_attn = register_module("c_attn", nn::Linear(kWidth, 3 * kWidth));
  nn::Linear c_proj = register_module("c_proj", nn::Linear(kWidth, kWidth));
};
TORCH_MODULE(Attention);

nn::LayerNorm Norm() { return nn::LayerNorm(nn::LayerNormOptions({kWidth})); }

struct LayerImpl : nn::Module {
  Tensor forward(const Tensor& x) {
    const Tensor y = x + attn(ln_1(x));
    return y + mlp->forward(ln_2(y));
  }
  nn::LayerNorm ln_1 = register_module("ln_1", Norm());
  Attention attn = register_module("attn", Attention());
  nn::LayerNorm ln_2 = register_module("ln_2", Norm());
  nn::Sequential mlp = register_module(
      "mlp", nn::Sequential(nn::Linear(kWidth, 4 * kWidth),
                            nn::GELU(nn::GELUOptions().approximate("tanh")),
                            nn::Linear(4 * kWidth, kWidth)));
};
TORCH_MODULE(Layer);

struct GptImpl : nn::Module {
  // Tied, as in Python: one tensor under two names.
  GptImpl() { lm_head->weight.set_data(wte->weight); }
  Tensor forward(const Tensor& tokens) {
    Tensor x = wte(tokens) + wpe(torch::arange(tokens.size(1)));
    for (const auto& layer : *h) {
      x = layer->as<LayerImpl>()->forward(x);
    }
    return lm_head(ln_f(x));
  }
  nn::Embedding wte = register_module("wte", nn::Embedding(13, kWidth));
  nn::Embedding wpe = register_module("wpe", nn::Embedding(8, kWidth));
  nn::ModuleList h = register_module("h", nn::ModuleList(Layer(), Layer()));
  nn::LayerNorm ln_f = register_module("ln_f", Norm());
  nn::Linear lm_head = register_module(
      "lm_head", nn::Linear(nn::LinearOptions(kWidth, 13).bias(false)));
};
TORCH_MODULE(Gpt);

TEST(ModuleTwinsTest, Gpt) {
  Gpt model;
  const LoadIntoReport report = ExpectPythonsOutput("gpt", model);
  EXPECT_THAT(report.loaded, Contains("wte.weight"));
  EXPECT_THAT(report.loaded, Contains("lm_head.weight"));
  EXPECT_EQ(model->lm_head->weight.data_ptr(), model->wte->weight.data_ptr());
}

}  // namespace
}  // namespace hoist::libtorch
