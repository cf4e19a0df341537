#include "hoist/tools/ui/tensor_text.h"

#include <algorithm>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/tensor/buffer.h"
#include "hoist/core/tensor/dtype.h"
#include "hoist/core/testing/status_matchers.h"
#include "nlohmann/json.hpp"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::StartsWith;

TensorEntry Entry(DType dtype, std::vector<int64_t> shape) {
  TensorEntry entry;
  entry.spec = *ContiguousSpec(dtype, std::move(shape));
  entry.storage = 0;
  return entry;
}

// The text of a contiguous tensor whose bytes are `all`.
std::string TextOf(const TensorEntry& entry, const std::string& all) {
  const auto indices = ShownElements(entry);
  if (!indices) {
    return TensorText(entry, nullptr);
  }
  const auto width = static_cast<size_t>(DTypeBits(entry.spec.dtype) / 8);
  // Offsets of the elements, dimension by dimension.
  std::vector<int64_t> offsets = {0};
  std::vector<int64_t> shape;
  for (size_t d = 0; d < indices->size(); ++d) {
    std::vector<int64_t> next;
    for (const int64_t offset : offsets) {
      for (const int64_t index : (*indices)[d]) {
        next.push_back(offset + index * entry.spec.strides[d]);
      }
    }
    offsets = std::move(next);
    shape.push_back(static_cast<int64_t>((*indices)[d].size()));
  }
  std::shared_ptr<Buffer> buffer = *Buffer::Allocate(offsets.size() * width);
  auto* to = static_cast<uint8_t*>(buffer->data());
  for (const int64_t offset : offsets) {
    const size_t from = static_cast<size_t>(offset) * width;
    EXPECT_LE(from + width, all.size());
    to =
        std::copy_n(all.begin() + static_cast<std::ptrdiff_t>(from), width, to);
  }
  const Tensor tensor = *Tensor::Create(
      *ContiguousSpec(entry.spec.dtype, std::move(shape)), buffer, 0);
  return TensorText(entry, &tensor);
}

TEST(TensorTextTest, IsWhatPyTorchPrints) {
  // Written by tools/dev/print_matrix.py.
  std::ifstream file("tools/ui/testdata/tensor_text.json");
  const auto cases = nlohmann::json::parse(file);
  EXPECT_GT(cases.size(), 80u);
  for (const auto& c : cases) {
    TensorEntry entry = Entry(*DTypeFromName(c["dtype"].get<std::string>()),
                              c["shape"].get<std::vector<int64_t>>());
    entry.requires_grad = c["requires_grad"];
    entry.is_parameter = c["parameter"];
    std::string bytes;
    if (c["bytes"].is_null()) {
      entry.storage.reset();
    } else {
      bytes = absl::HexStringToBytes(c["bytes"].get<std::string>());
    }
    EXPECT_EQ(TextOf(entry, bytes), c["text"].get<std::string>());
  }
}

TEST(TensorTextTest, BitsAreHexadecimal) {
  EXPECT_EQ(TextOf(Entry(DType::kBits8, {3}), std::string("\x00\x0a\xff", 3)),
            "tensor([0x00, 0x0a, 0xff], dtype=torch.bits8)");
  EXPECT_EQ(TextOf(Entry(DType::kBits16, {}), "\x01\xa2"),
            "tensor(0xa201, dtype=torch.bits16)");
}

TEST(TensorTextTest, QuantizedAndNarrowNumbersAreIntegers) {
  EXPECT_EQ(TextOf(Entry(DType::kQint8, {2}), "\xff\x05"),
            "tensor([-1,  5], dtype=torch.qint8)");
  EXPECT_EQ(TextOf(Entry(DType::kQuint8, {2}), "\xff\x05"),
            "tensor([255,   5], dtype=torch.quint8)");
  EXPECT_EQ(TextOf(Entry(DType::kInt3, {2}), "\xff\x03"),
            "tensor([-1,  3], dtype=torch.int3)");
  EXPECT_EQ(TextOf(Entry(DType::kFloat4E2m1fnX2, {}), "\x0a"),
            "tensor(10., dtype=torch.float4_e2m1fn_x2)");
}

TEST(TensorTextTest, WhatCannotBeShownIsDots) {
  const TensorEntry packed = Entry(DType::kFloat6E2m3, {4});
  EXPECT_EQ(ShownElements(packed), std::nullopt);
  EXPECT_EQ(TensorText(packed, nullptr),
            "tensor(..., size=(4,), dtype=float6_e2m3)");
  TensorEntry many = Entry(DType::kFloat32, std::vector<int64_t>(24, 2));
  EXPECT_EQ(ShownElements(many), std::nullopt);
  EXPECT_THAT(TensorText(many, nullptr), StartsWith("tensor(...,\n"));
  many.spec.shape = std::vector<int64_t>(60, 2);
  many.spec.strides = std::vector<int64_t>(60, 0);
  EXPECT_EQ(ShownElements(many), std::nullopt);
}

TEST(TensorTextTest, DevicesAreNotShown) {
  TensorEntry entry = Entry(DType::kUint8, {1});
  entry.location = "cuda:0";
  EXPECT_EQ(TextOf(entry, "\x07"), "tensor([7], dtype=torch.uint8)");
}

TEST(ShownElementsTest, AreAllOrTheEdges) {
  EXPECT_THAT(*ShownElements(Entry(DType::kFloat32, {2, 3})),
              ElementsAre(ElementsAre(0, 1), ElementsAre(0, 1, 2)));
  EXPECT_EQ(ShownElements(Entry(DType::kFloat32, {1000}))->at(0).size(), 1000u);
  EXPECT_THAT(*ShownElements(Entry(DType::kFloat32, {6, 1001})),
              ElementsAre(ElementsAre(0, 1, 2, 3, 4, 5),
                          ElementsAre(0, 1, 2, 998, 999, 1000)));
  EXPECT_THAT(*ShownElements(Entry(DType::kFloat32, {7, 200})),
              ElementsAre(ElementsAre(0, 1, 2, 4, 5, 6),
                          ElementsAre(0, 1, 2, 197, 198, 199)));
  EXPECT_TRUE(ShownElements(Entry(DType::kFloat32, {}))->empty());
  EXPECT_EQ(ShownElements(Entry(DType::kFloat32, {0, 3})), std::nullopt);
  TensorEntry meta = Entry(DType::kFloat32, {3});
  meta.storage.reset();
  EXPECT_EQ(ShownElements(meta), std::nullopt);
}

}  // namespace
}  // namespace hoist
