#include "hoist/checkpoint/torch/build_layer.h"

#include <ATen/ops/hardsigmoid.h>
#include <ATen/ops/hardswish.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/functional.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>
#include <torch/nn/modules/pooling.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"

namespace hoist::libtorch {
namespace {

namespace nn = torch::nn;
using Attributes = PickledAttributes;
using Result = absl::StatusOr<BuiltLayer>;
using Maker = Result (*)(Attributes&);

// Makes a layer of `options`, unless an attribute was missing.
template <typename Layer, typename... Options>
Result Make(const Attributes& a, Options&&... options) {
  if (!a.status().ok()) {
    return a.status();
  }
  Layer layer(std::forward<Options>(options)...);
  return BuiltLayer{.module = layer.ptr(),
                    .forward = [layer](const at::Tensor& x) mutable {
                      return layer->forward(x);
                    }};
}

absl::Status Unsupported(const Attributes& a, absl::string_view what) {
  return absl::UnimplementedError(
      absl::StrCat("Module \"", a.path(), "\": LibTorch has no ", what));
}

template <size_t kCount>
torch::ExpandingArray<kCount> Array(const std::vector<int64_t>& numbers) {
  return torch::ExpandingArray<kCount>(at::IntArrayRef(numbers));
}

template <typename Layer>
Result Plain(Attributes& a) {
  return Make<Layer>(a);
}

template <typename Layer, typename Options>
Result InPlace(Attributes& a) {
  return Make<Layer>(a, Options().inplace(a.Bool("inplace")));
}

template <typename Layer, typename Options>
Result OfDimension(Attributes& a) {
  const auto dimension = a.IntOrNone("dim");
  if (!dimension) {
    return Unsupported(a, "softmax without a dimension");
  }
  return Make<Layer>(a, Options(*dimension));
}

template <typename Layer>
Result DropoutOf(Attributes& a) {
  return Make<Layer>(
      a, nn::DropoutOptions(a.Number("p")).inplace(a.Bool("inplace")));
}

template <at::Tensor (*kFunction)(const at::Tensor&)>
Result FunctionOf(Attributes& a) {
  return Make<nn::Functional>(a,
                              [](const at::Tensor& x) { return kFunction(x); });
}

Result MakeLinear(Attributes& a) {
  const int64_t in = a.Int("in_features");
  const int64_t out = a.Int("out_features");
  a.ExpectTensor("weight", {out, in});
  a.MayHaveTensor("bias", {out});
  return Make<nn::Linear>(a,
                          nn::LinearOptions(in, out).bias(a.HasTensor("bias")));
}

Result MakeEmbedding(Attributes& a) {
  const int64_t count = a.Int("num_embeddings");
  const int64_t width = a.Int("embedding_dim");
  a.ExpectTensor("weight", {count, width});
  nn::EmbeddingOptions options(count, width);
  if (const auto padding = a.IntOrNone("padding_idx")) {
    options.padding_idx(*padding);
  }
  if (const auto norm = a.NumberOrNone("max_norm")) {
    options.max_norm(*norm);
  }
  options.norm_type(a.Number("norm_type"))
      .scale_grad_by_freq(a.Bool("scale_grad_by_freq"))
      .sparse(a.Bool("sparse"));
  return Make<nn::Embedding>(a, options);
}

// The shape of a convolution's weight.
std::vector<int64_t> KernelShape(int64_t first, int64_t second, int64_t groups,
                                 const std::vector<int64_t>& kernel) {
  std::vector<int64_t> shape = {first, groups > 0 ? second / groups : 0};
  shape.insert(shape.end(), kernel.begin(), kernel.end());
  return shape;
}

template <typename Layer, typename Options, size_t kCount>
Result ConvOf(Attributes& a) {
  const int64_t in = a.Int("in_channels");
  const int64_t out = a.Int("out_channels");
  const int64_t groups = a.Int("groups");
  const std::vector<int64_t> kernel = a.Ints("kernel_size", kCount);
  a.ExpectTensor("weight", KernelShape(out, in, groups, kernel));
  a.MayHaveTensor("bias", {out});
  Options options(in, out, Array<kCount>(kernel));
  options.stride(Array<kCount>(a.Ints("stride", kCount)))
      .dilation(Array<kCount>(a.Ints("dilation", kCount)))
      .groups(groups)
      .bias(a.HasTensor("bias"));
  if (!a.IsText("padding")) {
    options.padding(Array<kCount>(a.Ints("padding", kCount)));
  } else if (a.Text("padding") == "same") {
    options.padding(torch::kSame);
  } else if (a.Text("padding") == "valid") {
    options.padding(torch::kValid);
  } else {
    return Unsupported(a, absl::StrCat("padding ", a.Text("padding")));
  }
  const std::string mode = a.Text("padding_mode");
  if (mode == "reflect") {
    options.padding_mode(torch::kReflect);
  } else if (mode == "replicate") {
    options.padding_mode(torch::kReplicate);
  } else if (mode == "circular") {
    options.padding_mode(torch::kCircular);
  } else if (mode != "zeros") {
    return Unsupported(a, absl::StrCat("padding mode ", mode));
  }
  return Make<Layer>(a, options);
}

template <typename Layer, typename Options, size_t kCount>
Result ConvTransposeOf(Attributes& a) {
  const int64_t in = a.Int("in_channels");
  const int64_t out = a.Int("out_channels");
  const int64_t groups = a.Int("groups");
  const std::vector<int64_t> kernel = a.Ints("kernel_size", kCount);
  a.ExpectTensor("weight", KernelShape(in, out, groups, kernel));
  a.MayHaveTensor("bias", {out});
  Options options(in, out, Array<kCount>(kernel));
  options.stride(Array<kCount>(a.Ints("stride", kCount)))
      .padding(Array<kCount>(a.Ints("padding", kCount)))
      .output_padding(Array<kCount>(a.Ints("output_padding", kCount)))
      .dilation(Array<kCount>(a.Ints("dilation", kCount)))
      .groups(groups)
      .bias(a.HasTensor("bias"));
  return Make<Layer>(a, options);
}

template <typename Layer>
Result BatchNormOf(Attributes& a) {
  const int64_t features = a.Int("num_features");
  const bool is_affine = a.Bool("affine");
  const bool is_tracking = a.Bool("track_running_stats");
  if (is_affine) {
    a.ExpectTensor("weight", {features});
    a.ExpectTensor("bias", {features});
  }
  if (is_tracking) {
    a.ExpectTensor("running_mean", {features});
    a.ExpectTensor("running_var", {features});
  }
  return Make<Layer>(a, nn::BatchNormOptions(features)
                            .eps(a.Number("eps"))
                            .momentum(a.NumberOrNone("momentum"))
                            .affine(is_affine)
                            .track_running_stats(is_tracking));
}

Result MakeLayerNorm(Attributes& a) {
  const std::vector<int64_t> shape = a.Ints("normalized_shape");
  const bool is_affine = a.Bool("elementwise_affine");
  if (is_affine) {
    a.ExpectTensor("weight", shape);
    if (!a.HasTensor("bias")) {
      return Unsupported(a, "LayerNorm without a bias");
    }
    a.ExpectTensor("bias", shape);
  }
  return Make<nn::LayerNorm>(a, nn::LayerNormOptions(shape)
                                    .eps(a.Number("eps"))
                                    .elementwise_affine(is_affine));
}

Result MakeGroupNorm(Attributes& a) {
  const int64_t channels = a.Int("num_channels");
  const bool is_affine = a.Bool("affine");
  if (is_affine) {
    a.ExpectTensor("weight", {channels});
    a.ExpectTensor("bias", {channels});
  }
  return Make<nn::GroupNorm>(a,
                             nn::GroupNormOptions(a.Int("num_groups"), channels)
                                 .eps(a.Number("eps"))
                                 .affine(is_affine));
}

template <typename Layer, typename Options, size_t kCount>
Result MaxPoolOf(Attributes& a) {
  return Make<Layer>(a, Options(Array<kCount>(a.Ints("kernel_size", kCount)))
                            .stride(Array<kCount>(a.Ints("stride", kCount)))
                            .padding(Array<kCount>(a.Ints("padding", kCount)))
                            .dilation(Array<kCount>(a.Ints("dilation", kCount)))
                            .ceil_mode(a.Bool("ceil_mode")));
}

template <typename Layer, typename Options, size_t kCount>
Result AvgPoolOf(Attributes& a) {
  Options options(Array<kCount>(a.Ints("kernel_size", kCount)));
  options.stride(Array<kCount>(a.Ints("stride", kCount)))
      .padding(Array<kCount>(a.Ints("padding", kCount)))
      .ceil_mode(a.Bool("ceil_mode"))
      .count_include_pad(a.Bool("count_include_pad"));
  if constexpr (kCount > 1) {
    if (const auto divisor = a.IntOrNone("divisor_override")) {
      options.divisor_override(*divisor);
    }
  }
  return Make<Layer>(a, options);
}

template <typename Layer, typename Options, size_t kCount>
Result AdaptivePoolOf(Attributes& a) {
  if constexpr (kCount == 1) {
    return Make<Layer>(a, Options(Array<1>(a.Ints("output_size", 1))));
  } else {
    std::vector<std::optional<int64_t>> sizes =
        a.IntsOrNone("output_size", kCount);
    return Make<Layer>(a, Options(torch::ExpandingArrayWithOptionalElem<kCount>(
                              c10::ArrayRef<std::optional<int64_t>>(sizes))));
  }
}

Result MakeFlatten(Attributes& a) {
  return Make<nn::Flatten>(a, nn::FlattenOptions()
                                  .start_dim(a.Int("start_dim"))
                                  .end_dim(a.Int("end_dim")));
}

Result MakeUnflatten(Attributes& a) {
  return Make<nn::Unflatten>(
      a, nn::UnflattenOptions(a.Int("dim"), a.Ints("unflattened_size")));
}

Result MakeGelu(Attributes& a) {
  return Make<nn::GELU>(a,
                        nn::GELUOptions().approximate(a.Text("approximate")));
}

Result MakeLeakyRelu(Attributes& a) {
  return Make<nn::LeakyReLU>(a, nn::LeakyReLUOptions()
                                    .negative_slope(a.Number("negative_slope"))
                                    .inplace(a.Bool("inplace")));
}

Result MakeElu(Attributes& a) {
  return Make<nn::ELU>(
      a, nn::ELUOptions().alpha(a.Number("alpha")).inplace(a.Bool("inplace")));
}

Result MakeHardtanh(Attributes& a) {
  return Make<nn::Hardtanh>(a, nn::HardtanhOptions()
                                   .min_val(a.Number("min_val"))
                                   .max_val(a.Number("max_val"))
                                   .inplace(a.Bool("inplace")));
}

Result MakeSoftplus(Attributes& a) {
  return Make<nn::Softplus>(a, nn::SoftplusOptions()
                                   .beta(a.Number("beta"))
                                   .threshold(a.Number("threshold")));
}

Result MakePrelu(Attributes& a) {
  const int64_t count = a.Int("num_parameters");
  a.ExpectTensor("weight", {count});
  return Make<nn::PReLU>(a, nn::PReLUOptions().num_parameters(count));
}

const absl::flat_hash_map<absl::string_view, Maker>& Makers() {
  static const auto* const makers = new absl::flat_hash_map<absl::string_view,
                                                            Maker>{
      {"AdaptiveAvgPool1d",
       &AdaptivePoolOf<nn::AdaptiveAvgPool1d, nn::AdaptiveAvgPool1dOptions, 1>},
      {"AdaptiveAvgPool2d",
       &AdaptivePoolOf<nn::AdaptiveAvgPool2d, nn::AdaptiveAvgPool2dOptions, 2>},
      {"AdaptiveAvgPool3d",
       &AdaptivePoolOf<nn::AdaptiveAvgPool3d, nn::AdaptiveAvgPool3dOptions, 3>},
      {"AdaptiveMaxPool1d",
       &AdaptivePoolOf<nn::AdaptiveMaxPool1d, nn::AdaptiveMaxPool1dOptions, 1>},
      {"AdaptiveMaxPool2d",
       &AdaptivePoolOf<nn::AdaptiveMaxPool2d, nn::AdaptiveMaxPool2dOptions, 2>},
      {"AdaptiveMaxPool3d",
       &AdaptivePoolOf<nn::AdaptiveMaxPool3d, nn::AdaptiveMaxPool3dOptions, 3>},
      {"AvgPool1d", &AvgPoolOf<nn::AvgPool1d, nn::AvgPool1dOptions, 1>},
      {"AvgPool2d", &AvgPoolOf<nn::AvgPool2d, nn::AvgPool2dOptions, 2>},
      {"AvgPool3d", &AvgPoolOf<nn::AvgPool3d, nn::AvgPool3dOptions, 3>},
      {"BatchNorm1d", &BatchNormOf<nn::BatchNorm1d>},
      {"BatchNorm2d", &BatchNormOf<nn::BatchNorm2d>},
      {"BatchNorm3d", &BatchNormOf<nn::BatchNorm3d>},
      {"Conv1d", &ConvOf<nn::Conv1d, nn::Conv1dOptions, 1>},
      {"Conv2d", &ConvOf<nn::Conv2d, nn::Conv2dOptions, 2>},
      {"Conv3d", &ConvOf<nn::Conv3d, nn::Conv3dOptions, 3>},
      {"ConvTranspose1d",
       &ConvTransposeOf<nn::ConvTranspose1d, nn::ConvTranspose1dOptions, 1>},
      {"ConvTranspose2d",
       &ConvTransposeOf<nn::ConvTranspose2d, nn::ConvTranspose2dOptions, 2>},
      {"ConvTranspose3d",
       &ConvTransposeOf<nn::ConvTranspose3d, nn::ConvTranspose3dOptions, 3>},
      {"Dropout", &DropoutOf<nn::Dropout>},
      {"Dropout2d", &DropoutOf<nn::Dropout2d>},
      {"Dropout3d", &DropoutOf<nn::Dropout3d>},
      {"ELU", &MakeElu},
      {"Embedding", &MakeEmbedding},
      {"Flatten", &MakeFlatten},
      {"GELU", &MakeGelu},
      {"GroupNorm", &MakeGroupNorm},
      {"Hardsigmoid", &FunctionOf<&at::hardsigmoid>},
      {"Hardswish", &FunctionOf<&at::hardswish>},
      {"Hardtanh", &MakeHardtanh},
      {"Identity", &Plain<nn::Identity>},
      {"LayerNorm", &MakeLayerNorm},
      {"LeakyReLU", &MakeLeakyRelu},
      {"Linear", &MakeLinear},
      {"LogSigmoid", &Plain<nn::LogSigmoid>},
      {"LogSoftmax", &OfDimension<nn::LogSoftmax, nn::LogSoftmaxOptions>},
      {"MaxPool1d", &MaxPoolOf<nn::MaxPool1d, nn::MaxPool1dOptions, 1>},
      {"MaxPool2d", &MaxPoolOf<nn::MaxPool2d, nn::MaxPool2dOptions, 2>},
      {"MaxPool3d", &MaxPoolOf<nn::MaxPool3d, nn::MaxPool3dOptions, 3>},
      {"Mish", &Plain<nn::Mish>},
      {"PReLU", &MakePrelu},
      {"ReLU", &InPlace<nn::ReLU, nn::ReLUOptions>},
      {"ReLU6", &InPlace<nn::ReLU6, nn::ReLU6Options>},
      {"SELU", &InPlace<nn::SELU, nn::SELUOptions>},
      {"SiLU", &Plain<nn::SiLU>},
      {"Sigmoid", &Plain<nn::Sigmoid>},
      {"Softmax", &OfDimension<nn::Softmax, nn::SoftmaxOptions>},
      {"Softplus", &MakeSoftplus},
      {"Softsign", &Plain<nn::Softsign>},
      {"Tanh", &Plain<nn::Tanh>},
      {"Tanhshrink", &Plain<nn::Tanhshrink>},
      {"Unflatten", &MakeUnflatten},
  };
  return *makers;
}

}  // namespace

absl::StatusOr<BuiltLayer> BuildLayer(absl::string_view type,
                                      PickledAttributes& attributes) {
  const auto maker = Makers().find(type);
  if (maker == Makers().end()) {
    return absl::UnimplementedError(
        absl::StrCat("Module \"", attributes.path(), "\" is a torch.nn layer ",
                     type, ", which Hoist does not build"));
  }
  return maker->second(attributes);
}

}  // namespace hoist::libtorch
