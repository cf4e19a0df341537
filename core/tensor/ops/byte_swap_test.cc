#include "hoist/core/tensor/ops/byte_swap.h"

#include <algorithm>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/tensor/ops/byte_swap_loops.h"
#include "hoist/core/tensor/ops/cpu_level.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ByteSwapTest, ReversesEachElement) {
  std::vector<uint8_t> bytes = {1, 2, 3, 4, 5, 6, 7, 8};
  HOIST_ASSERT_OK(ByteSwap(absl::MakeSpan(bytes), 2));
  EXPECT_THAT(bytes, ElementsAre(2, 1, 4, 3, 6, 5, 8, 7));
  HOIST_ASSERT_OK(ByteSwap(absl::MakeSpan(bytes), 4));
  EXPECT_THAT(bytes, ElementsAre(3, 4, 1, 2, 7, 8, 5, 6));
  HOIST_ASSERT_OK(ByteSwap(absl::MakeSpan(bytes), 8));
  EXPECT_THAT(bytes, ElementsAre(6, 5, 8, 7, 2, 1, 4, 3));
}

TEST(ByteSwapTest, EveryLevelAlignmentAndLength) {
  std::mt19937 random(1);
  for (const CpuLevel level : SupportedCpuLevels()) {
    for (const size_t size : {2, 4, 8}) {
      for (const size_t count : {1, 3, 64, 129}) {
        for (const size_t shift : {0, 1, 5}) {
          std::vector<uint8_t> bytes(shift + size * count + 1);
          for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
          std::vector<uint8_t> expected = bytes;
          for (size_t i = 0; i < count; ++i) {
            const auto start = expected.begin() + shift + i * size;
            std::reverse(start, start + size);
          }
          HOIST_AT_CPU_LEVEL(level, ByteSwapLoop)
          (bytes.data() + shift, count, static_cast<int>(size));
          EXPECT_TRUE(bytes == expected) << size << " " << count;
        }
      }
    }
  }
}

TEST(ByteSwapTest, RefusesOtherWidthsAndPartsOfElements) {
  std::vector<uint8_t> bytes(12);
  for (const int size : {-2, 0, 1, 3, 16}) {
    EXPECT_THAT(ByteSwap(absl::MakeSpan(bytes), size),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("cannot be byte-swapped")));
  }
  EXPECT_THAT(ByteSwap(absl::MakeSpan(bytes), 8),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("no whole number")));
  HOIST_EXPECT_OK(ByteSwap({}, 8));
}

}  // namespace
}  // namespace hoist
