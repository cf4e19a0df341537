#include "hoist/core/tensor/ops/gather.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/tensor/ops/strided_layout.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::HasSubstr;

const DType kWidths[] = {DType::kUint8, DType::kBfloat16, DType::kFloat32,
                         DType::kFloat64, DType::kComplex128};

std::vector<uint8_t> RandomBytes(size_t size) {
  std::mt19937 random(1);
  std::vector<uint8_t> bytes(size);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

// By coordinates, the last one fastest.
std::vector<uint8_t> Naive(const TensorSpec& spec, const uint8_t* source) {
  const int bytes = DTypeBits(spec.dtype) / 8;
  std::vector<uint8_t> result;
  std::vector<int64_t> at(spec.shape.size(), 0);
  const int64_t count = *ElementCount(spec.shape);
  for (int64_t n = 0; n < count; ++n) {
    int64_t place = 0;
    for (size_t i = 0; i < at.size(); ++i) place += at[i] * spec.strides[i];
    result.insert(result.end(), source + place * bytes,
                  source + (place + 1) * bytes);
    for (size_t i = at.size(); i-- > 0;) {
      if (++at[i] < spec.shape[i]) break;
      at[i] = 0;
    }
  }
  return result;
}

void ExpectGathered(const TensorSpec& spec) {
  HOIST_ASSERT_OK_AND_ASSIGN(const int64_t needed,
                             RequiredStorageBytes(spec, 0));
  HOIST_ASSERT_OK_AND_ASSIGN(const int64_t size, LogicalBytes(spec));
  // One byte behind what is aligned, and exactly as long as it must be.
  const std::vector<uint8_t> source = RandomBytes(needed + 1);
  std::vector<uint8_t> result(size + 1);
  HOIST_ASSERT_OK(Gather(spec, absl::MakeSpan(source).subspan(1),
                         absl::MakeSpan(result).subspan(1)));
  result.erase(result.begin());
  EXPECT_TRUE(result == Naive(spec, source.data() + 1))
      << DTypeName(spec.dtype) << " " << ShapeString(spec.shape) << " strides "
      << ShapeString(spec.strides);
}

TEST(GatherTest, EveryKindOfViewAtEveryWidth) {
  for (const DType dtype : kWidths) {
    for (const TensorSpec& spec : std::vector<TensorSpec>{
             {dtype, {}, {}},
             {dtype, {1}, {7}},
             {dtype, {5}, {1}},
             {dtype, {5}, {3}},
             {dtype, {4}, {0}},                      // expanded
             {dtype, {70, 45}, {45, 1}},             // contiguous
             {dtype, {70, 45}, {1, 70}},             // transposed
             {dtype, {70, 45}, {90, 2}},             // every second
             {dtype, {70, 45}, {50, 1}},             // a slice of columns
             {dtype, {3, 40, 50}, {1, 3, 120}},      // all reversed
             {dtype, {3, 40, 50}, {40, 1, 120}},     // permuted
             {dtype, {3, 40, 50}, {2000, 1, 40}},    // batch of transposed
             {dtype, {3, 1, 5, 1}, {5, 9, 1, 9}},    // sizes of 1
             {dtype, {2, 3, 4, 5}, {60, 20, 5, 1}},  // contiguous
             {dtype, {2, 3, 4, 5}, {1, 40, 10, 2}},  // channels last and gaps
             {dtype, {2, 3, 4, 5}, {0, 5, 0, 1}},    // expanded twice
             {dtype, {2, 0, 4}, {1, 1, 1}},          // no elements
         }) {
      ExpectGathered(spec);
    }
  }
}

TEST(GatherTest, RandomViews) {
  std::mt19937 random(2);
  for (int n = 0; n < 300; ++n) {
    TensorSpec spec;
    spec.dtype = kWidths[random() % 5];
    const int dimensions = random() % 6;
    for (int i = 0; i < dimensions; ++i) {
      spec.shape.push_back(1 + random() % 6);
    }
    spec.strides.resize(dimensions);
    std::vector<int> order(dimensions);
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), random);
    int64_t stride = 1;
    for (const int i : order) {
      stride += random() % 3 == 0 ? 1 : 0;
      spec.strides[i] = stride;
      stride *= spec.shape[i];
    }
    ExpectGathered(spec);
  }
}

TEST(StridedLayoutTest, CollapsesWhatOneStrideWalksThrough) {
  const auto dimensions = [](std::vector<int64_t> shape,
                             std::vector<int64_t> strides) {
    return MakeStridedLayout({DType::kFloat32, shape, strides})->dimensions;
  };
  EXPECT_EQ(dimensions({}, {}), 0);
  EXPECT_EQ(dimensions({1, 1}, {5, 5}), 0);
  EXPECT_EQ(dimensions({2, 3, 4}, {12, 4, 1}), 1);
  EXPECT_EQ(dimensions({2, 3, 4}, {24, 8, 2}), 1);
  EXPECT_EQ(dimensions({2, 3, 4}, {1, 8, 2}), 2);
  EXPECT_EQ(dimensions({2, 1, 4}, {4, 99, 1}), 1);
  EXPECT_EQ(dimensions({2, 3}, {0, 0}), 1);
  EXPECT_EQ(dimensions({2, 3}, {1, 2}), 2);
}

TEST(StridedLayoutTest, ElementsComeFromWhereTheStridesSay) {
  HOIST_ASSERT_OK_AND_ASSIGN(
      const StridedLayout layout,
      MakeStridedLayout({DType::kFloat32, {2, 3, 4}, {1, 8, 2}}));
  int64_t index = 0;
  for (int64_t i = 0; i < 2; ++i) {
    for (int64_t j = 0; j < 3; ++j) {
      for (int64_t k = 0; k < 4; ++k) {
        EXPECT_EQ(StridedElement()(layout, index++), i + 8 * j + 2 * k);
      }
    }
  }
}

TEST(GatherTest, RefusesWhatDoesNotFit) {
  const std::vector<uint8_t> source(64);
  std::vector<uint8_t> result(64);
  const TensorSpec spec = {DType::kFloat32, {2, 3}, {1, 2}};
  const auto gather = [&](const TensorSpec& spec, size_t from, size_t to) {
    return Gather(spec, absl::MakeSpan(source).first(from),
                  absl::MakeSpan(result).first(to));
  };
  HOIST_EXPECT_OK(gather(spec, 24, 24));
  EXPECT_THAT(gather(spec, 23, 24),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("24 bytes of source and 24 of destination")));
  EXPECT_THAT(gather(spec, 24, 28),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(gather({DType::kFloat32, {2, 3}, {1, -2}}, 24, 24),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(gather({DType::kFloat6E2m3, {4}, {1}}, 3, 3),
              StatusIs(absl::StatusCode::kUnimplemented));
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  EXPECT_THAT(gather({DType::kUint8, {2, 3}, {kMax, 1}}, 24, 6),
              StatusIs(absl::StatusCode::kInvalidArgument));
  // 17 dimensions with gaps between them all.
  TensorSpec many = {DType::kUint8, {}, {}};
  for (int i = 16; i >= 0; --i) {
    many.shape.push_back(2);
    many.strides.push_back(int64_t{1} << (2 * i));
  }
  EXPECT_THAT(gather(many, 24, 24), StatusIs(absl::StatusCode::kUnimplemented));
}

}  // namespace
}  // namespace hoist
