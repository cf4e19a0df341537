#include "hoist/checkpoint/torch/load_into_module.h"

#include <ATen/ATen.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/linear.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/torch/test_file.h"
#include "hoist/checkpoint/torch/to_torch.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_file.h"

namespace hoist::libtorch {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// fc: 3 to 2, bn: of 2.
struct Net : torch::nn::Module {
  torch::nn::Linear fc{register_module("fc", torch::nn::Linear(3, 2))};
  torch::nn::BatchNorm1d bn{register_module("bn", torch::nn::BatchNorm1d(2))};
};

// Weights for Net, of which each test changes something.
TestFile AllButWeight() {
  return TestFile()
      .Floats("fc.bias", {2}, {7, 8})
      .Floats("bn.weight", {2}, {1, 2})
      .Floats("bn.bias", {2}, {3, 4})
      .Floats("bn.running_mean", {2}, {5, 6})
      .Floats("bn.running_var", {2}, {9, 10})
      .Add<int64_t>("bn.num_batches_tracked", "I64", {}, {77});
}
TestFile All() {
  return AllButWeight().Floats("fc.weight", {2, 3}, {1, 2, 3, 4, 5, 6});
}

std::string Write(const TestFile& file) {
  return WriteTempFile("weights.safetensors", file.bytes());
}

TensorMap TensorsOf(const torch::nn::Module& module) {
  TensorMap tensors = module.named_parameters();
  for (const auto& buffer : module.named_buffers()) {
    tensors.insert(buffer.key(), buffer.value());
  }
  return tensors;
}

// What the tensors of a module are, to be compared with what they are later.
class Snapshot {
 public:
  explicit Snapshot(const torch::nn::Module& module)
      : Snapshot(TensorsOf(module)) {}
  explicit Snapshot(TensorMap tensors) : tensors_(std::move(tensors)) {
    for (const auto& item : tensors_) {
      copies_.push_back(item.value().detach().clone());
      versions_.push_back(item.value()._version());
    }
  }

  void ExpectUnchanged() const {
    for (size_t i = 0; i < copies_.size(); ++i) {
      const at::Tensor& tensor = tensors_[i].value();
      EXPECT_TRUE(tensor.equal(copies_[i])) << tensors_[i].key();
      EXPECT_EQ(tensor._version(), versions_[i]) << tensors_[i].key();
    }
  }

 private:
  TensorMap tensors_;
  std::vector<at::Tensor> copies_;
  std::vector<uint32_t> versions_;
};

TEST(LoadIntoModuleTest, FillsTheTensorsThatAreThere) {
  Net net;
  net.fc->bias.requires_grad_(false);
  const void* const place = net.fc->weight.data_ptr();
  const uint32_t version = net.fc->weight._version();
  LoadIntoOptions options;
  options.eval = true;
  HOIST_ASSERT_OK_AND_ASSIGN(const LoadIntoReport report,
                             LoadIntoModule(Write(All()), net, options));
  EXPECT_THAT(report.loaded,
              ElementsAre("fc.weight", "fc.bias", "bn.weight", "bn.bias",
                          "bn.running_mean", "bn.running_var",
                          "bn.num_batches_tracked"));
  EXPECT_TRUE(report.Fits(/*strict=*/true));
  EXPECT_THAT(report.casts, IsEmpty());
  EXPECT_EQ(report.bytes, 4u * 16 + 8);
  EXPECT_EQ(net.fc->weight.data_ptr(), place);
  EXPECT_TRUE(net.fc->weight.requires_grad());
  EXPECT_FALSE(net.fc->bias.requires_grad());
  EXPECT_GT(net.fc->weight._version(), version);
  EXPECT_TRUE(net.fc->weight.equal(
      at::tensor({1.f, 2.f, 3.f, 4.f, 5.f, 6.f}).reshape({2, 3})));
  EXPECT_TRUE(net.bn->running_var.equal(at::tensor({9.f, 10.f})));
  EXPECT_EQ(net.bn->num_batches_tracked.item<int64_t>(), 77);
  EXPECT_FALSE(net.is_training());
  // The weights still take part in autograd.
  net.fc->forward(at::ones({1, 3})).sum().backward();
  EXPECT_TRUE(net.fc->weight.grad().equal(at::ones({2, 3})));
}

TEST(LoadIntoModuleTest, MissingTensorsChangeNothing) {
  Net net;
  const Snapshot before(net);
  const std::string path = Write(AllButWeight());
  EXPECT_THAT(LoadIntoModule(path, net).status(),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("1 missing in the checkpoint: fc.weight")));
  before.ExpectUnchanged();
  EXPECT_TRUE(net.is_training());
}

TEST(LoadIntoModuleTest, UnexpectedTensorsChangeNothing) {
  Net net;
  const Snapshot before(net);
  EXPECT_THAT(
      LoadIntoModule(Write(All().Floats("head.weight", {1}, {1})), net)
          .status(),
      StatusIs(absl::StatusCode::kFailedPrecondition,
               HasSubstr("1 unexpected in the checkpoint: head.weight")));
  before.ExpectUnchanged();
}

TEST(LoadIntoModuleTest, WhatIsNotStrictLoadsWhatIsInBoth) {
  Net net;
  const at::Tensor weight = net.fc->weight.detach().clone();
  LoadIntoOptions options;
  options.strict = false;
  HOIST_ASSERT_OK_AND_ASSIGN(
      const LoadIntoReport report,
      LoadIntoModule(Write(AllButWeight().Floats("head", {1}, {1})), net,
                     options));
  EXPECT_THAT(report.missing, ElementsAre("fc.weight"));
  EXPECT_THAT(report.unexpected, ElementsAre("head"));
  EXPECT_TRUE(net.fc->weight.equal(weight));
  EXPECT_TRUE(net.fc->bias.equal(at::tensor({7.f, 8.f})));
}

TEST(LoadIntoModuleTest, OtherShapesChangeNothingEvenIfNotStrict) {
  Net net;
  const Snapshot before(net);
  LoadIntoOptions options;
  options.strict = false;
  EXPECT_THAT(LoadIntoModule(Write(AllButWeight().Floats("fc.weight", {3, 2},
                                                         {1, 2, 3, 4, 5, 6})),
                             net, options)
                  .status(),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("fc.weight: [3, 2] in the file, [2, 3] in the "
                                 "module")));
  before.ExpectUnchanged();
}

TEST(LoadIntoModuleTest, IntegersTakeNoFloats) {
  Net net;
  const Snapshot before(net);
  LoadIntoOptions options;
  options.strict = false;
  EXPECT_THAT(
      LoadIntoModule(Write(TestFile()
                               .Floats("fc.bias", {2}, {7, 8})
                               .Floats("bn.num_batches_tracked", {}, {77})),
                     net, options)
          .status(),
      StatusIs(absl::StatusCode::kFailedPrecondition,
               HasSubstr("bn.num_batches_tracked: float32 in the file, int64 "
                         "in the module")));
  before.ExpectUnchanged();
}

TEST(LoadIntoModuleTest, DamageInTheMiddleChangesNothing) {
  const std::string golden = "checkpoint/torch/testdata/torch-2.11/mlp.pt";
  HOIST_ASSERT_OK_AND_ASSIGN(const Checkpoint checkpoint,
                             Checkpoint::Open(golden));
  TensorMap targets;
  for (const TensorEntry& tensor : checkpoint.catalog().tensors) {
    targets.insert(tensor.name, at::ones(tensor.spec.shape));
  }
  const Snapshot before(targets);
  std::ifstream in(golden, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(in)),
                    std::istreambuf_iterator<char>());
  // Of the last but one of the tensors, so that others come before and after.
  const auto& storages = checkpoint.catalog().storages;
  bytes[storages[storages.size() - 2].offset_bytes + 5] ^= 1;
  EXPECT_THAT(
      LoadIntoTensors(WriteTempFile("damaged.pt", bytes), targets).status(),
      StatusIs(absl::StatusCode::kDataLoss));
  before.ExpectUnchanged();
  HOIST_ASSERT_OK_AND_ASSIGN(const LoadIntoReport report,
                             LoadIntoTensors(checkpoint, targets));
  EXPECT_EQ(report.load.verified, Verified::kChecksum);
}

TEST(LoadIntoModuleTest, ACancelledLoadChangesNothing) {
  Net net;
  const Snapshot before(net);
  CancelToken cancel;
  cancel.Cancel();
  LoadIntoOptions options;
  options.load.cancel = &cancel;
  EXPECT_THAT(LoadIntoModule(Write(All()), net, options).status(),
              StatusIs(absl::StatusCode::kCancelled));
  before.ExpectUnchanged();
}

TEST(LoadIntoModuleTest, NoFileChangesNothing) {
  Net net;
  const Snapshot before(net);
  EXPECT_THAT(LoadIntoModule("no/such/file.pt", net).status(),
              StatusIs(absl::StatusCode::kNotFound));
  before.ExpectUnchanged();
}

TEST(LoadIntoModuleTest, DtypesAreCastAndLossesCounted) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  TensorMap targets;
  targets.insert("half", at::zeros({5}, at::kHalf));
  targets.insert("double", at::zeros({2}, at::kDouble));
  HOIST_ASSERT_OK_AND_ASSIGN(
      const LoadIntoReport report,
      LoadIntoTensors(
          Write(TestFile()
                    .Floats("half", {5}, {1.5f, 1e6f, -1e6f, kNan, kInfinity})
                    .Floats("double", {2}, {0.5f, kNan})),
          targets));
  ASSERT_EQ(report.casts.size(), 2u);
  EXPECT_EQ(report.casts[0].name, "half");
  EXPECT_EQ(report.casts[0].from, "float32");
  EXPECT_EQ(report.casts[0].to, "float16");
  EXPECT_EQ(report.casts[0].infinite_count, 2u);
  EXPECT_EQ(report.casts[0].nan_count, 1u);
  EXPECT_EQ(report.casts[1].infinite_count, 0u);
  EXPECT_EQ(report.casts[1].nan_count, 1u);
  EXPECT_EQ(targets["half"][0].item<float>(), 1.5f);
  EXPECT_TRUE(std::isinf(targets["half"][1].item<float>()));
  EXPECT_EQ(targets["double"][0].item<double>(), 0.5);
}

TEST(LoadIntoModuleTest, TiedWeightsStayTied) {
  const at::Tensor shared = at::zeros({2});
  TensorMap targets;
  targets.insert("embed", shared);
  targets.insert("head", shared);
  HOIST_ASSERT_OK_AND_ASSIGN(
      LoadIntoReport report,
      LoadIntoTensors(Write(TestFile().Floats("head", {2}, {1, 2})), targets));
  EXPECT_THAT(report.loaded, ElementsAre("embed", "head"));
  EXPECT_TRUE(targets["embed"].is_same(targets["head"]));
  EXPECT_TRUE(shared.equal(at::tensor({1.f, 2.f})));
  // Twice in the file, and the same.
  HOIST_EXPECT_OK(LoadIntoTensors(
      Write(
          TestFile().Floats("head", {2}, {3, 4}).Floats("embed", {2}, {3, 4})),
      targets));
  EXPECT_TRUE(shared.equal(at::tensor({3.f, 4.f})));
  const Snapshot before(targets);
  LoadIntoOptions options;
  options.strict = false;
  EXPECT_THAT(LoadIntoTensors(Write(TestFile()
                                        .Floats("head", {2}, {5, 6})
                                        .Floats("embed", {2}, {5, 7})),
                              targets, options)
                  .status(),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("head: tied to embed in the module, and other "
                                 "numbers in the file")));
  before.ExpectUnchanged();
}

TEST(LoadIntoModuleTest, TargetsMayBeViewsAndScalars) {
  const at::Tensor base = at::zeros({4, 3});
  TensorMap targets;
  targets.insert("columns", base.t().narrow(1, 1, 2));
  targets.insert("scalar", at::zeros({}));
  targets.insert("empty", at::zeros({0, 3}));
  HOIST_EXPECT_OK(
      LoadIntoTensors(Write(TestFile()
                                .Floats("columns", {3, 2}, {1, 2, 3, 4, 5, 6})
                                .Floats("scalar", {1}, {7})
                                .Floats("empty", {0, 3}, {})),
                      targets));
  EXPECT_TRUE(base.equal(
      at::tensor({0.f, 0.f, 0.f, 1.f, 3.f, 5.f, 2.f, 4.f, 6.f, 0.f, 0.f, 0.f})
          .reshape({4, 3})));
  EXPECT_EQ(targets["scalar"].item<float>(), 7);
}

TEST(LoadIntoModuleTest, WhatCannotBeWrittenToIsNamed) {
  TensorMap targets;
  targets.insert("fits", at::zeros({2}));
  targets.insert("meta", at::empty({2}, at::device(at::kMeta)));
  targets.insert("expanded", at::zeros({1}).expand({2}));
  targets.insert("sparse", at::zeros({2}).to_sparse());
  const Snapshot before([&] {
    TensorMap fits;
    fits.insert("fits", targets["fits"]);
    return fits;
  }());
  const absl::Status status =
      LoadIntoTensors(Write(TestFile()
                                .Floats("fits", {2}, {1, 2})
                                .Floats("meta", {2}, {1, 2})
                                .Floats("expanded", {2}, {1, 2})
                                .Floats("sparse", {2}, {1, 2})),
                      targets)
          .status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition,
                               HasSubstr("meta: it is on the meta device")));
  EXPECT_THAT(status.message(), HasSubstr("expanded: several of its elements"));
  EXPECT_THAT(status.message(), HasSubstr("sparse: it is sparse"));
  before.ExpectUnchanged();
}

TEST(LoadIntoModuleTest, FillsTorchScriptModules) {
  torch::jit::Module module("Net");
  module.register_parameter("weight", at::zeros({2}), /*is_buffer=*/false);
  module.register_buffer("mean", at::zeros({1}));
  const std::string path =
      Write(TestFile().Floats("weight", {2}, {1, 2}).Floats("mean", {1}, {3}));
  LoadIntoOptions options;
  HOIST_ASSERT_OK_AND_ASSIGN(const LoadIntoReport report,
                             LoadIntoModule(path, module, options));
  EXPECT_THAT(report.loaded, ElementsAre("weight", "mean"));
  EXPECT_TRUE(module.attr("weight").toTensor().equal(at::tensor({1.f, 2.f})));
  EXPECT_EQ(module.attr("mean").toTensor().item<float>(), 3);
  EXPECT_THAT(
      LoadIntoModule(Write(TestFile().Floats("weight", {2}, {8, 8})), module)
          .status(),
      StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(module.attr("weight").toTensor()[0].item<float>(), 1);
}

TEST(LoadIntoModuleTest, ToCompareChangesNothing) {
  Net net;
  const Snapshot before(net);
  HOIST_ASSERT_OK_AND_ASSIGN(
      const Checkpoint checkpoint,
      Checkpoint::Open(Write(AllButWeight().Floats("x", {1}, {1}))));
  HOIST_ASSERT_OK_AND_ASSIGN(const LoadIntoReport report,
                             CompareWithModule(checkpoint, net));
  EXPECT_THAT(report.missing, ElementsAre("fc.weight"));
  EXPECT_THAT(report.unexpected, ElementsAre("x"));
  EXPECT_FALSE(report.Fits(/*strict=*/true));
  before.ExpectUnchanged();
}

}  // namespace
}  // namespace hoist::libtorch
