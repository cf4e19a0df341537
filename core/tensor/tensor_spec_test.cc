#include "hoist/core/tensor/tensor_spec.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kTwoTo62 = int64_t{1} << 62;

MATCHER_P(IsInvalid, message, "is kInvalidArgument with the message") {
  return ExplainMatchResult(
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)), arg,
      result_listener);
}

TEST(ElementCountTest, MultipliesSizes) {
  EXPECT_EQ(*ElementCount({}), 1);
  EXPECT_EQ(*ElementCount({7}), 7);
  EXPECT_EQ(*ElementCount({2, 3, 4}), 24);
  EXPECT_EQ(*ElementCount({2, 0, 4}), 0);
  EXPECT_EQ(*ElementCount({kMax, 1}), kMax);
}

TEST(ElementCountTest, RefusesOverflowButNotBesideSizeZero) {
  EXPECT_THAT(ElementCount({kTwoTo62, 2}),
              IsInvalid("[4611686018427387904, 2] does not fit into 63 bits"));
  // 2^64 would be 0 if it were not checked.
  EXPECT_THAT(ElementCount({int64_t{1} << 32, int64_t{1} << 32}),
              IsInvalid("63 bits"));
  EXPECT_EQ(*ElementCount({kTwoTo62, kTwoTo62, 0}), 0);
}

TEST(ElementCountTest, RefusesNegativeSizes) {
  EXPECT_THAT(ElementCount({2, -1}), IsInvalid("[2, -1] has a negative size"));
  EXPECT_THAT(ElementCount({0, -1}), IsInvalid("negative"));
  EXPECT_THAT(ElementCount({-2, -3}), IsInvalid("negative"));
}

// torch.empty(shape).stride()
TEST(ContiguousStridesTest, AreThoseOfTorch) {
  EXPECT_THAT(*ContiguousStrides({}), IsEmpty());
  EXPECT_THAT(*ContiguousStrides({5}), ElementsAre(1));
  EXPECT_THAT(*ContiguousStrides({2, 3, 4}), ElementsAre(12, 4, 1));
  EXPECT_THAT(*ContiguousStrides({3, 1, 2}), ElementsAre(2, 2, 1));
  EXPECT_THAT(*ContiguousStrides({2, 0, 4}), ElementsAre(4, 4, 1));
  EXPECT_THAT(*ContiguousStrides({0, 3, 0}), ElementsAre(3, 1, 1));
  EXPECT_THAT(*ContiguousStrides({0}), ElementsAre(1));
}

TEST(ContiguousStridesTest, RefusesOverflowAndNegativeSizes) {
  EXPECT_THAT(ContiguousStrides({2, kTwoTo62, 2}), IsInvalid("63 bits"));
  EXPECT_THAT(ContiguousStrides({0, kTwoTo62, 2}), IsInvalid("63 bits"));
  EXPECT_THAT(ContiguousStrides({-1}), IsInvalid("negative"));
  EXPECT_THAT(*ContiguousStrides({2, kMax}), ElementsAre(kMax, 1));
}

TEST(ContiguousSpecTest, HasContiguousStrides) {
  HOIST_ASSERT_OK_AND_ASSIGN(const TensorSpec spec,
                             ContiguousSpec(DType::kInt16, {3, 5}));
  EXPECT_EQ(spec, (TensorSpec{DType::kInt16, {3, 5}, {5, 1}}));
  EXPECT_TRUE(IsContiguous(spec));
  EXPECT_THAT(ContiguousSpec(DType::kInt16, {3, -5}), IsInvalid("negative"));
}

int64_t LogicalBytesOf(DType dtype, std::vector<int64_t> shape) {
  return *LogicalBytes(*ContiguousSpec(dtype, std::move(shape)));
}

TEST(LogicalBytesTest, IsWhatAContiguousCopyTakes) {
  EXPECT_EQ(LogicalBytesOf(DType::kFloat32, {3, 5}), 60);
  EXPECT_EQ(LogicalBytesOf(DType::kComplex128, {}), 16);
  EXPECT_EQ(LogicalBytesOf(DType::kFloat4E2m1fnX2, {7}), 7);
  EXPECT_EQ(LogicalBytesOf(DType::kInt64, {0, 5}), 0);
  // torch.ones(1).expand(4, 5)
  EXPECT_EQ(*LogicalBytes({DType::kFloat32, {4, 5}, {0, 0}}), 80);
}

TEST(LogicalBytesTest, PackedFillsItsLastByte) {
  EXPECT_EQ(LogicalBytesOf(DType::kFloat6E2m3, {4}), 3);
  EXPECT_EQ(LogicalBytesOf(DType::kFloat6E3m2, {3, 4}), 9);
  for (const int64_t size : {1, 2, 3, 5}) {
    EXPECT_THAT(LogicalBytes(*ContiguousSpec(DType::kFloat6E2m3, {size})),
                IsInvalid("of float6_e2m3 does not fill its last byte"));
  }
  // More than 2^63 bits, but not bytes.
  EXPECT_EQ(LogicalBytesOf(DType::kFloat6E2m3, {kTwoTo62}), kTwoTo62 / 4 * 3);
}

TEST(LogicalBytesTest, RefusesOverflow) {
  EXPECT_EQ(LogicalBytesOf(DType::kUint8, {kMax}), kMax);
  EXPECT_EQ(LogicalBytesOf(DType::kInt16, {kMax / 2}), kMax - 1);
  EXPECT_THAT(LogicalBytes({DType::kInt16, {kTwoTo62}, {1}}),
              IsInvalid("63 bits"));
  // 2^64 bytes, which is 0 if unchecked.
  EXPECT_THAT(LogicalBytes({DType::kFloat32, {kTwoTo62}, {0}}),
              IsInvalid("63 bits"));
}

TEST(LogicalBytesTest, RefusesBadSpecs) {
  EXPECT_THAT(LogicalBytes({DType::kInt8, {2, 3}, {1}}),
              IsInvalid("Strides [1] are not as many as sizes in [2, 3]"));
  EXPECT_THAT(LogicalBytes({DType::kInt8, {-2}, {1}}), IsInvalid("negative"));
  EXPECT_THAT(LogicalBytes({DType::kInt8, {2}, {-1}}), IsInvalid("negative"));
}

TEST(RequiredStorageBytesTest, ReachesToTheLastElement) {
  const auto bytes = [](TensorSpec spec, int64_t offset) {
    return *RequiredStorageBytes(spec, offset);
  };
  EXPECT_EQ(bytes({DType::kFloat32, {3, 5}, {5, 1}}, 0), 60);
  EXPECT_EQ(bytes({DType::kFloat32, {3, 5}, {5, 1}}, 2), 68);
  EXPECT_EQ(bytes({DType::kInt64, {}, {}}, 3), 32);
  // x = torch.empty(4, 6); x.t(); x[:, 2:4]; x[::2]; x[:1].expand(9, 6)
  EXPECT_EQ(bytes({DType::kFloat32, {6, 4}, {1, 6}}, 0), 96);
  EXPECT_EQ(bytes({DType::kFloat32, {4, 2}, {6, 1}}, 2), 88);
  EXPECT_EQ(bytes({DType::kFloat32, {2, 6}, {12, 1}}, 0), 72);
  EXPECT_EQ(bytes({DType::kFloat32, {9, 6}, {0, 1}}, 0), 24);
  // The stride of a dimension of size 1 leads nowhere.
  EXPECT_EQ(bytes({DType::kInt8, {1, 3}, {kMax, 1}}, 0), 3);
  EXPECT_EQ(bytes({DType::kFloat6E2m3, {5}, {1}}, 0), 4);
  EXPECT_EQ(bytes({DType::kFloat6E2m3, {4}, {1}}, 4), 6);
}

TEST(RequiredStorageBytesTest, IsZeroWithoutElements) {
  EXPECT_EQ(*RequiredStorageBytes({DType::kInt8, {0}, {1}}, 0), 0);
  EXPECT_EQ(*RequiredStorageBytes({DType::kInt64, {kMax, 0}, {kMax, 1}}, kMax),
            0);
}

TEST(RequiredStorageBytesTest, RefusesOverflow) {
  EXPECT_EQ(*RequiredStorageBytes({DType::kInt8, {}, {}}, kMax - 1), kMax);
  EXPECT_THAT(RequiredStorageBytes({DType::kInt8, {}, {}}, kMax),
              IsInvalid("63 bits"));
  EXPECT_THAT(RequiredStorageBytes({DType::kInt8, {3}, {kTwoTo62}}, 0),
              IsInvalid("63 bits"));
  EXPECT_THAT(
      RequiredStorageBytes({DType::kInt8, {2, 2}, {kTwoTo62, kTwoTo62}}, 0),
      IsInvalid("63 bits"));
  EXPECT_THAT(RequiredStorageBytes({DType::kInt8, {2}, {kMax - 2}}, 3),
              IsInvalid("63 bits"));
  EXPECT_THAT(RequiredStorageBytes({DType::kInt64, {}, {}}, kMax / 8),
              IsInvalid("63 bits"));
}

TEST(RequiredStorageBytesTest, RefusesBadSpecsEvenWithoutElements) {
  EXPECT_THAT(RequiredStorageBytes({DType::kInt8, {0}, {1}}, -1),
              IsInvalid("Storage offset -1 is negative"));
  EXPECT_THAT(RequiredStorageBytes({DType::kInt8, {0}, {-1}}, 0),
              IsInvalid("Strides [-1] have a negative one"));
  EXPECT_THAT(RequiredStorageBytes({DType::kInt8, {0}, {}}, 0),
              IsInvalid("not as many"));
  EXPECT_THAT(RequiredStorageBytes({DType::kInt8, {0, -2}, {1, 1}}, 0),
              IsInvalid("negative size"));
}

TEST(IsContiguousTest, IsThatOfTorch) {
  const auto contiguous = [](std::vector<int64_t> shape,
                             std::vector<int64_t> strides) {
    return IsContiguous({DType::kFloat32, shape, strides});
  };
  EXPECT_TRUE(contiguous({}, {}));
  EXPECT_TRUE(contiguous({3, 5}, {5, 1}));
  EXPECT_TRUE(contiguous({1, 5}, {77, 1}));
  EXPECT_TRUE(contiguous({5, 1}, {1, 77}));
  EXPECT_TRUE(contiguous({1}, {0}));
  EXPECT_TRUE(contiguous({0, 5}, {3, 9}));
  EXPECT_FALSE(contiguous({5, 3}, {1, 5}));
  EXPECT_FALSE(contiguous({3, 4}, {5, 1}));
  EXPECT_FALSE(contiguous({3}, {2}));
  EXPECT_FALSE(contiguous({3}, {0}));
}

TEST(IsContiguousTest, BadSpecsAreNot) {
  EXPECT_FALSE(IsContiguous({DType::kInt8, {3}, {}}));
  EXPECT_FALSE(IsContiguous({DType::kInt8, {-1}, {1}}));
  EXPECT_FALSE(IsContiguous({DType::kInt8, {0}, {-1}}));
  // The stride would have to be 2^64.
  EXPECT_FALSE(IsContiguous({DType::kInt8, {2, kTwoTo62, 4}, {0, 4, 1}}));
}

TEST(ShapeStringTest, IsAList) {
  EXPECT_EQ(ShapeString({}), "[]");
  EXPECT_EQ(ShapeString({7}), "[7]");
  EXPECT_EQ(ShapeString({3, 5}), "[3, 5]");
}

}  // namespace
}  // namespace hoist
