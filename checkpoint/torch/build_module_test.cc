#include "hoist/checkpoint/torch/build_module.h"

#include <ATen/ATen.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/linear.h>

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/torch/to_torch.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist::libtorch {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string PathOf(const std::string& name) {
  return "checkpoint/torch/testdata/torch-2.11/" + name;
}

TensorMap InputAndOutput(const std::string& name) {
  auto io = Checkpoint::Open(PathOf(name + "_io.safetensors"));
  HOIST_EXPECT_OK(io.status());
  auto loaded = Load(*io);
  HOIST_EXPECT_OK(loaded.status());
  auto tensors = ToTorch(loaded->tensors);
  HOIST_EXPECT_OK(tensors.status());
  return *std::move(tensors);
}

void ExpectPythonsOutput(const std::string& name) {
  HOIST_ASSERT_OK_AND_ASSIGN(const BuiltModule built,
                             BuildModule(PathOf(name + ".pt")));
  EXPECT_THAT(built.forward_obstacle(), IsEmpty());
  EXPECT_FALSE(built.module()->is_training());
  const TensorMap io = InputAndOutput(name);
  HOIST_ASSERT_OK_AND_ASSIGN(const at::Tensor got, built.Forward(io["input"]));
  ASSERT_EQ(got.sizes(), io["output"].sizes());
  EXPECT_LT((got - io["output"]).abs().max().item<float>(), 1e-5);
}

TEST(BuildModuleTest, AConvolutionalNetworkGivesPythonsOutput) {
  ExpectPythonsOutput("cnn_module");
}

TEST(BuildModuleTest, ATextNetworkGivesPythonsOutput) {
  ExpectPythonsOutput("text_module");
}

TEST(BuildModuleTest, LayersAreLibTorchsUnderTheirNames) {
  HOIST_ASSERT_OK_AND_ASSIGN(const BuiltModule built,
                             BuildModule(PathOf("other_forward.pt")));
  EXPECT_THAT(built.module()->named_modules().keys(),
              ElementsAre("", "body", "body.0", "body.1", "head"));
  const auto* const head =
      built.module()->named_modules()["head"]->as<torch::nn::LinearImpl>();
  ASSERT_NE(head, nullptr);
  EXPECT_EQ(head->options.in_features(), 4);
  EXPECT_THAT(built.report().loaded, ElementsAre("body.0.weight", "body.0.bias",
                                                 "head.weight", "head.bias"));
  // What its layers compute is Python's, in the order that is only known here.
  const TensorMap io = InputAndOutput("other_forward");
  EXPECT_THAT(built.Forward(io["input"]).status(),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       "Module \"\" is a torch.nn.modules.container.ModuleDict"
                       ", which has no forward"));
  auto modules = built.module()->named_modules();
  const at::Tensor hidden =
      modules["body.0"]->as<torch::nn::LinearImpl>()->forward(io["input"]);
  const at::Tensor got =
      modules["head"]->as<torch::nn::LinearImpl>()->forward(hidden.relu());
  EXPECT_LT((got - io["output"]).abs().max().item<float>(), 1e-5);
}

TEST(BuildModuleTest, AClassOfTheUsersHasItsChildrenAndNoForward) {
  HOIST_ASSERT_OK_AND_ASSIGN(const BuiltModule built,
                             BuildModule(PathOf("own_class.pt")));
  EXPECT_EQ(built.forward_obstacle(),
            "Module \"\" is a __main__.Pair, whose forward only its source "
            "knows");
  EXPECT_EQ(built.report().sub_dict, "model");
  EXPECT_TRUE(built.module()->is_training());
  const auto parameters = built.module()->named_parameters();
  EXPECT_EQ(parameters["head.weight"].data_ptr(),
            parameters["embed.weight"].data_ptr());
  EXPECT_EQ(parameters["head.weight"].scalar_type(), at::kHalf);
  EXPECT_TRUE(parameters["head.weight"].requires_grad());
  EXPECT_FALSE(parameters["scale"].requires_grad());
  const TensorMap io = InputAndOutput("own_class");
  const at::Tensor hidden =
      parameters["embed.weight"].index_select(0, io["input"].view({-1})) *
      parameters["scale"];
  EXPECT_LT((hidden.matmul(parameters["head.weight"].t()) - io["output"][0])
                .abs()
                .max()
                .item<float>(),
            2e-2);
}

TEST(BuildModuleTest, AnUnknownLayerIsNamed) {
  EXPECT_THAT(BuildModule(PathOf("own_layer.pt")).status(),
              StatusIs(absl::StatusCode::kUnimplemented,
                       "Module \"1.1\" is a __main__.Scale, whose forward only "
                       "its source knows"));
}

TEST(BuildModuleTest, HooksAreRefused) {
  EXPECT_THAT(BuildModule(PathOf("hooked.pt")).status(),
              StatusIs(absl::StatusCode::kUnimplemented,
                       HasSubstr("Module \"0\" (torch.nn.modules.linear.Linear)"
                                 " has _forward_pre_hooks")));
}

TEST(BuildModuleTest, AStateDictIsNoModule) {
  const absl::Status status = BuildModule(PathOf("mlp.pt")).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                               HasSubstr("There is no pickled module")));
  EXPECT_THAT(HintOf(status), HasSubstr("LoadIntoModule()"));
  BuildModuleOptions options;
  options.path = "ema";
  EXPECT_THAT(BuildModule(PathOf("own_class.pt"), options).status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("no pickled module at \"ema\"")));
}

}  // namespace
}  // namespace hoist::libtorch
