#include "hoist/checkpoint/torch/to_torch.h"

#include <ATen/ATen.h>

#include <cstring>
#include <numeric>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist::libtorch {
namespace {

using ::testing::HasSubstr;

// The floats 0, 1, 2, ...; `released` is set when the buffer goes.
std::shared_ptr<Buffer> Floats(int count, bool* released = nullptr) {
  auto* const values = new float[static_cast<size_t>(count)];
  std::iota(values, values + count, 0.0f);
  return Buffer::Wrap(values, static_cast<size_t>(count) * sizeof(float),
                      Device::Cpu(), [values, released] {
                        delete[] values;
                        if (released != nullptr) {
                          *released = true;
                        }
                      });
}

Tensor View(std::shared_ptr<Buffer> buffer, std::vector<int64_t> shape,
            std::vector<int64_t> strides, int64_t offset) {
  auto tensor =
      Tensor::Create({DType::kFloat32, std::move(shape), std::move(strides)},
                     std::move(buffer), offset * 4);
  HOIST_EXPECT_OK(tensor.status());
  return *std::move(tensor);
}

TEST(ToTorchTest, ShowsTheSameBytesWithoutCopying) {
  const auto buffer = Floats(10);
  HOIST_ASSERT_OK_AND_ASSIGN(const at::Tensor tensor,
                             ToTorch(View(buffer, {2, 3}, {1, 2}, 3)));
  EXPECT_EQ(tensor.data_ptr(), static_cast<float*>(buffer->data()) + 3);
  EXPECT_EQ(tensor.scalar_type(), at::kFloat);
  EXPECT_TRUE(
      tensor.equal(at::tensor({3.f, 5.f, 7.f, 4.f, 6.f, 8.f}).reshape({2, 3})));
  EXPECT_FALSE(tensor.is_contiguous());
}

TEST(ToTorchTest, KeepsTheBufferAlive) {
  bool released = false;
  at::Tensor row;
  {
    HOIST_ASSERT_OK_AND_ASSIGN(
        const at::Tensor tensor,
        ToTorch(View(Floats(6, &released), {2, 3}, {3, 1}, 0)));
    row = tensor[1];
  }
  EXPECT_FALSE(released);
  EXPECT_TRUE(row.equal(at::tensor({3.f, 4.f, 5.f})));
  row = at::Tensor();
  EXPECT_TRUE(released);
}

TEST(ToTorchTest, TensorsCanBeUsedWithAutograd) {
  HOIST_ASSERT_OK_AND_ASSIGN(at::Tensor tensor,
                             ToTorch(View(Floats(3), {3}, {1}, 0)));
  tensor.requires_grad_(true);
  (tensor * tensor).sum().backward();
  EXPECT_TRUE(tensor.grad().equal(at::tensor({0.f, 2.f, 4.f})));
}

TEST(ToTorchTest, KeepsOrderAndTiedWeights) {
  const auto shared = Floats(6);
  StateDict state_dict;
  state_dict.Add("z", View(shared, {6}, {1}, 0));
  state_dict.Add("a", View(Floats(2), {2}, {1}, 0));
  state_dict.Add("tied", View(shared, {2}, {1}, 4));
  HOIST_ASSERT_OK_AND_ASSIGN(const TensorMap tensors, ToTorch(state_dict));
  EXPECT_THAT(tensors.keys(), ::testing::ElementsAre("z", "a", "tied"));
  EXPECT_TRUE(tensors["z"].is_alias_of(tensors["tied"]));
  EXPECT_FALSE(tensors["z"].is_alias_of(tensors["a"]));
  tensors["z"][5] = 100.f;
  EXPECT_EQ(tensors["tied"][1].item<float>(), 100.f);
}

TEST(ToTorchTest, EmptyTensors) {
  HOIST_ASSERT_OK_AND_ASSIGN(const auto buffer, Buffer::Allocate(0));
  HOIST_ASSERT_OK_AND_ASSIGN(const at::Tensor tensor,
                             ToTorch(View(buffer, {0, 3}, {3, 1}, 0)));
  EXPECT_EQ(tensor.numel(), 0);
  EXPECT_EQ(tensor.size(1), 3);
}

TEST(ToTorchTest, EveryDtypeHasLibTorchsSizeAndName) {
  for (const DType dtype : AllDTypes()) {
    const auto type = ScalarTypeOf(dtype);
    if (!type) {
      continue;
    }
    HOIST_ASSERT_OK_AND_ASSIGN(const auto buffer, Buffer::Allocate(32));
    std::memset(buffer->data(), 1, 32);
    HOIST_ASSERT_OK_AND_ASSIGN(const Tensor tensor,
                               Tensor::Create({dtype, {2}, {1}}, buffer, 0));
    HOIST_ASSERT_OK_AND_ASSIGN(const at::Tensor made, ToTorch(tensor));
    EXPECT_EQ(made.element_size() * 8, static_cast<size_t>(DTypeBits(dtype)))
        << DTypeName(dtype);
    EXPECT_EQ(made.scalar_type(), *type);
    EXPECT_EQ(DTypeOf(*type), dtype);
  }
}

TEST(ToTorchTest, WhatLibTorchHasNotIsNamed) {
  StateDict state_dict;
  HOIST_ASSERT_OK_AND_ASSIGN(const auto buffer, Buffer::Allocate(4));
  state_dict.Add("q", *Tensor::Create({DType::kQint8, {4}, {1}}, buffer, 0));
  EXPECT_THAT(ToTorch(state_dict).status(),
              StatusIs(absl::StatusCode::kUnimplemented,
                       HasSubstr("Tensor q: LibTorch has no plain tensors of "
                                 "qint8")));
}

TEST(ToTorchTest, ARepeatedNameIsAnError) {
  StateDict state_dict;
  state_dict.Add("w", View(Floats(2), {2}, {1}, 0));
  state_dict.Add("w", View(Floats(2), {2}, {1}, 0));
  EXPECT_THAT(ToTorch(state_dict).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("\"w\"")));
}

}  // namespace
}  // namespace hoist::libtorch
