#include "hoist/core/base/checked_math.h"

#include <cstdint>
#include <limits>

#include "gtest/gtest.h"

namespace hoist {
namespace {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr uint64_t kMaxUnsigned = std::numeric_limits<uint64_t>::max();

TEST(CheckedMathTest, SumAtTheLimitAndOnePast) {
  EXPECT_EQ(CheckedAdd<int64_t>(kMax - 1, 1), kMax);
  EXPECT_EQ(CheckedAdd<int64_t>(kMax, 1), std::nullopt);
  EXPECT_EQ(CheckedAdd<uint64_t>(kMaxUnsigned, 1), std::nullopt);
}

TEST(CheckedMathTest, ProductAtTheLimitAndOnePast) {
  EXPECT_EQ(CheckedMul<uint64_t>(uint64_t{1} << 32, (uint64_t{1} << 32) - 1),
            kMaxUnsigned - ((uint64_t{1} << 32) - 1));
  EXPECT_EQ(CheckedMul<uint64_t>(uint64_t{1} << 32, uint64_t{1} << 32),
            std::nullopt);
  EXPECT_EQ(CheckedMul<int64_t>(kMax, -2), std::nullopt);
}

}  // namespace
}  // namespace hoist
