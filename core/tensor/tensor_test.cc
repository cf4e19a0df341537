#include "hoist/core/tensor/tensor.h"

#include <algorithm>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

// Byte i has value i.
std::shared_ptr<Buffer> CountingBuffer(size_t size) {
  std::shared_ptr<Buffer> buffer = *Buffer::Allocate(size);
  for (size_t i = 0; i < size; ++i) {
    buffer->host_bytes()[i] = static_cast<uint8_t>(i);
  }
  return buffer;
}

std::vector<std::vector<int>> Runs(const Tensor& tensor) {
  std::vector<std::vector<int>> runs;
  ForEachContiguousRun(tensor, [&](absl::Span<const uint8_t> bytes) {
    runs.emplace_back(bytes.begin(), bytes.end());
  });
  return runs;
}

std::vector<std::vector<int>> Runs(TensorSpec spec, int64_t byte_offset = 0) {
  return Runs(
      *Tensor::Create(std::move(spec), CountingBuffer(64), byte_offset));
}

TEST(TensorTest, KnowsItsPlaceAndSize) {
  const auto buffer = CountingBuffer(64);
  HOIST_ASSERT_OK_AND_ASSIGN(
      const Tensor tensor,
      Tensor::Create({DType::kInt16, {2, 3}, {4, 1}}, buffer, 6));
  EXPECT_EQ(tensor.dtype(), DType::kInt16);
  EXPECT_THAT(tensor.shape(), ElementsAre(2, 3));
  EXPECT_THAT(tensor.strides(), ElementsAre(4, 1));
  EXPECT_EQ(tensor.spec(), (TensorSpec{DType::kInt16, {2, 3}, {4, 1}}));
  EXPECT_EQ(tensor.element_count(), 6);
  EXPECT_EQ(tensor.size_bytes(), 12);
  EXPECT_EQ(tensor.byte_offset(), 6);
  EXPECT_EQ(tensor.buffer(), buffer);
  EXPECT_EQ(tensor.device(), Device::Cpu());
  EXPECT_EQ(tensor.data(), buffer->host_bytes().data() + 6);
}

TEST(TensorTest, CopiesAndAliasesKeepTheBuffer) {
  bool released = false;
  uint8_t memory[4];
  std::shared_ptr<Buffer> buffer =
      Buffer::Wrap(memory, 4, Device::Cuda(2), [&] { released = true; });
  {
    HOIST_ASSERT_OK_AND_ASSIGN(
        const Tensor tensor,
        Tensor::Create({DType::kUint8, {4}, {1}}, buffer, 0));
    HOIST_ASSERT_OK_AND_ASSIGN(
        const Tensor tied,
        Tensor::Create({DType::kUint8, {2}, {1}}, buffer, 2));
    const Tensor copy = tensor;
    buffer.reset();
    EXPECT_FALSE(released);
    EXPECT_EQ(copy.data(), memory);
    EXPECT_EQ(tied.data(), memory + 2);
    EXPECT_EQ(copy.device(), Device::Cuda(2));
  }
  EXPECT_TRUE(released);
}

TEST(TensorTest, LastElementMayEndTheBuffer) {
  const auto buffer = CountingBuffer(24);
  HOIST_EXPECT_OK(Tensor::Create({DType::kInt32, {6}, {1}}, buffer, 0));
  HOIST_EXPECT_OK(Tensor::Create({DType::kInt32, {5}, {1}}, buffer, 4));
  HOIST_EXPECT_OK(Tensor::Create({DType::kInt32, {2, 2}, {4, 1}}, buffer, 0));
  HOIST_EXPECT_OK(Tensor::Create({DType::kInt32, {9, 2}, {0, 5}}, buffer, 0));
  // Unaligned, as safetensors may have it.
  HOIST_EXPECT_OK(Tensor::Create({DType::kInt32, {5}, {1}}, buffer, 3));
}

TEST(TensorTest, RefusesElementsOutsideTheBuffer) {
  const auto refuses = [](TensorSpec spec, int64_t byte_offset,
                          const char* message) {
    EXPECT_THAT(
        Tensor::Create(std::move(spec), CountingBuffer(24), byte_offset),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
  };
  refuses({DType::kInt32, {7}, {1}}, 0,
          "Tensor of shape [7] takes 28 bytes from byte 0 of a buffer of 24");
  refuses({DType::kInt32, {6}, {1}}, 1, "of a buffer of 24");
  refuses({DType::kInt32, {2, 2}, {5, 1}}, 4, "takes 28 bytes from byte 4");
  refuses({DType::kInt32, {}, {}}, 24, "of a buffer of 24");
  refuses({DType::kInt32, {}, {}}, kMax, "of a buffer of 24");
  refuses({DType::kInt32, {}, {}}, kMax - 3, "of a buffer of 24");
  refuses({DType::kInt32, {1}, {1}}, -4, "Byte offset -4 is negative");
  refuses({DType::kInt32, {0}, {1}}, -4, "Byte offset -4 is negative");
  refuses({DType::kInt32, {2}, {-1}}, 8, "negative");
  refuses({DType::kInt32, {2}, {}}, 0, "not as many");
  // Inside the buffer, but no copy of it fits anywhere.
  refuses({DType::kInt32, {kMax}, {0}}, 0, "63 bits");
  refuses({DType::kInt32, {kMax, 2}, {0, 0}}, 0, "63 bits");
}

TEST(TensorTest, RefusesNoBuffer) {
  EXPECT_THAT(
      Tensor::Create({DType::kInt8, {0}, {1}}, nullptr, 0),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no buffer")));
}

TEST(TensorTest, WithoutElementsHasNoData) {
  HOIST_ASSERT_OK_AND_ASSIGN(
      const Tensor tensor,
      Tensor::Create({DType::kInt8, {3, 0}, {1, 1}}, CountingBuffer(1), 100));
  EXPECT_EQ(tensor.data(), nullptr);
  EXPECT_EQ(tensor.element_count(), 0);
  EXPECT_EQ(tensor.size_bytes(), 0);
}

TEST(TensorTest, PackedIsContiguous) {
  HOIST_ASSERT_OK_AND_ASSIGN(
      const Tensor tensor, Tensor::Create({DType::kFloat6E2m3, {2, 4}, {4, 1}},
                                          CountingBuffer(9), 3));
  EXPECT_EQ(tensor.size_bytes(), 6);
  EXPECT_THAT(Runs(tensor), ElementsAre(ElementsAre(3, 4, 5, 6, 7, 8)));
  EXPECT_THAT(Tensor::Create({DType::kFloat6E2m3, {4, 2}, {1, 4}},
                             CountingBuffer(9), 0),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("packed float6_e2m3")));
  EXPECT_THAT(
      Tensor::Create({DType::kFloat6E2m3, {3}, {1}}, CountingBuffer(9), 0),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("last byte")));
}

TEST(ForEachContiguousRunTest, ContiguousIsOneRun) {
  EXPECT_THAT(Runs({DType::kInt8, {2, 3}, {3, 1}}, 1),
              ElementsAre(ElementsAre(1, 2, 3, 4, 5, 6)));
  EXPECT_THAT(Runs({DType::kInt8, {1, 3}, {50, 1}}),
              ElementsAre(ElementsAre(0, 1, 2)));
  EXPECT_THAT(Runs({DType::kInt16, {}, {}}, 8), ElementsAre(ElementsAre(8, 9)));
}

TEST(ForEachContiguousRunTest, EmptyHasNone) {
  EXPECT_THAT(Runs({DType::kInt8, {0}, {1}}), IsEmpty());
  EXPECT_THAT(Runs({DType::kInt8, {4, 0}, {1, 4}}), IsEmpty());
}

TEST(ForEachContiguousRunTest, RowsOfASlice) {
  // x[:, 1:3] of torch.arange(12).reshape(3, 4)
  EXPECT_THAT(
      Runs({DType::kInt8, {3, 2}, {4, 1}}, 1),
      ElementsAre(ElementsAre(1, 2), ElementsAre(5, 6), ElementsAre(9, 10)));
}

TEST(ForEachContiguousRunTest, FoldsTheLastContiguousDimensions) {
  // Planes of 2 x 3 that lie 10 apart, with a dimension of size 1 between.
  EXPECT_THAT(Runs({DType::kInt8, {2, 2, 1, 3}, {10, 3, 99, 1}}),
              ElementsAre(ElementsAre(0, 1, 2, 3, 4, 5),
                          ElementsAre(10, 11, 12, 13, 14, 15)));
  EXPECT_THAT(Runs({DType::kInt8, {2, 2, 1}, {10, 1, 7}}),
              ElementsAre(ElementsAre(0, 1), ElementsAre(10, 11)));
}

TEST(ForEachContiguousRunTest, ElementsOfATransposedTensor) {
  EXPECT_THAT(Runs({DType::kInt16, {2, 2}, {1, 2}}),
              ElementsAre(ElementsAre(0, 1), ElementsAre(4, 5),
                          ElementsAre(2, 3), ElementsAre(6, 7)));
}

TEST(ForEachContiguousRunTest, StrideZeroRepeats) {
  EXPECT_THAT(Runs({DType::kInt8, {3}, {0}}, 5),
              ElementsAre(ElementsAre(5), ElementsAre(5), ElementsAre(5)));
  EXPECT_THAT(Runs({DType::kInt8, {2, 3}, {0, 1}}),
              ElementsAre(ElementsAre(0, 1, 2), ElementsAre(0, 1, 2)));
  EXPECT_THAT(Runs({DType::kInt8, {2, 2}, {1, 0}}),
              ElementsAre(ElementsAre(0), ElementsAre(0), ElementsAre(1),
                          ElementsAre(1)));
}

// Appends elements one by one, by recursion over the dimensions.
void NaiveCopy(const Tensor& tensor, size_t dim, int64_t element,
               std::vector<uint8_t>& out) {
  if (dim == tensor.shape().size()) {
    const int64_t bytes = DTypeBits(tensor.dtype()) / 8;
    const auto* first =
        static_cast<const uint8_t*>(tensor.data()) + element * bytes;
    out.insert(out.end(), first, first + bytes);
    return;
  }
  for (int64_t i = 0; i < tensor.shape()[dim]; ++i) {
    NaiveCopy(tensor, dim + 1, element + i * tensor.strides()[dim], out);
  }
}

TEST(ForEachContiguousRunTest, EqualsANaiveCopy) {
  std::mt19937 random(7);
  const auto up_to = [&](int64_t limit) {
    return static_cast<int64_t>(random() % (limit + 1));
  };
  const DType dtypes[] = {DType::kUint8, DType::kInt32, DType::kComplex128};
  const auto buffer = CountingBuffer(16 * 5 * 12 * 4 + 16);
  for (int i = 0; i < 5000; ++i) {
    TensorSpec spec{dtypes[up_to(2)]};
    spec.shape.resize(up_to(5));
    for (int64_t& size : spec.shape) size = 1 + up_to(3);
    spec.strides = *ContiguousStrides(spec.shape);
    for (int64_t& stride : spec.strides) {
      if (up_to(2) == 0) stride = up_to(12);
      stride = std::min<int64_t>(stride, 12);
    }
    SCOPED_TRACE(ShapeString(spec.shape) + ShapeString(spec.strides));
    HOIST_ASSERT_OK_AND_ASSIGN(const Tensor tensor,
                               Tensor::Create(spec, buffer, up_to(16)));
    std::vector<uint8_t> expected, actual;
    NaiveCopy(tensor, 0, 0, expected);
    ForEachContiguousRun(tensor, [&](absl::Span<const uint8_t> bytes) {
      actual.insert(actual.end(), bytes.begin(), bytes.end());
    });
    ASSERT_EQ(actual, expected);
    ASSERT_EQ(static_cast<int64_t>(actual.size()), tensor.size_bytes());
  }
}

TEST(ForEachContiguousRunDeathTest, ReadsNoDeviceMemory) {
  uint8_t memory = 0;
  HOIST_ASSERT_OK_AND_ASSIGN(
      const Tensor tensor,
      Tensor::Create({DType::kUint8, {1}, {1}},
                     Buffer::Wrap(&memory, 1, Device::Cuda(0), nullptr), 0));
  EXPECT_DEATH(ForEachContiguousRun(tensor, [](absl::Span<const uint8_t>) {}),
               "HOIST_CHECK failed");
}

}  // namespace
}  // namespace hoist
