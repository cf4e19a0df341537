#include "hoist/core/tensor/ops/byte_planes.h"

#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/tensor/ops/byte_plane_loops.h"
#include "hoist/core/tensor/ops/cpu_level.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;

TEST(BytePlanesTest, TheFirstPlaneHasTheLowestBytes) {
  const std::vector<uint8_t> planes = {1, 2, 3, 4, 5, 6, 7, 8};
  std::vector<uint8_t> elements(8);
  HOIST_ASSERT_OK(JoinBytePlanes(planes, 2, absl::MakeSpan(elements)));
  EXPECT_THAT(elements, ElementsAre(1, 5, 2, 6, 3, 7, 4, 8));
  HOIST_ASSERT_OK(JoinBytePlanes(planes, 4, absl::MakeSpan(elements)));
  EXPECT_THAT(elements, ElementsAre(1, 3, 5, 7, 2, 4, 6, 8));
  HOIST_ASSERT_OK(JoinBytePlanes(planes, 8, absl::MakeSpan(elements)));
  EXPECT_THAT(elements, ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
}

TEST(BytePlanesTest, EveryLevelAlignmentAndLength) {
  std::mt19937 random(1);
  for (const CpuLevel level : SupportedCpuLevels()) {
    for (const size_t size : {2, 4, 8}) {
      for (const size_t count : {1, 63, 64, 129, 1000}) {
        for (const size_t shift : {0, 1}) {
          std::vector<uint8_t> planes(shift + size * count);
          for (uint8_t& byte : planes) byte = static_cast<uint8_t>(random());
          std::vector<uint8_t> elements(shift + size * count + 1, 0xA5);
          HOIST_AT_CPU_LEVEL(level, BytePlaneLoop)
          (&planes[shift], &elements[shift], count, static_cast<int>(size));
          for (size_t i = 0; i < size * count; ++i) {
            ASSERT_EQ(elements[shift + i],
                      planes[shift + i % size * count + i / size]);
          }
          EXPECT_EQ(elements.back(), 0xA5);
        }
      }
    }
  }
}

TEST(BytePlanesTest, RefusesOtherWidthsAndSizes) {
  const std::vector<uint8_t> planes(12);
  std::vector<uint8_t> elements(12);
  for (const int size : {-2, 0, 1, 3, 8, 16}) {
    EXPECT_THAT(JoinBytePlanes(planes, size, absl::MakeSpan(elements)),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_THAT(JoinBytePlanes(planes, 4, absl::MakeSpan(elements).first(8)),
              StatusIs(absl::StatusCode::kInvalidArgument));
  HOIST_EXPECT_OK(JoinBytePlanes({}, 4, {}));
}

}  // namespace
}  // namespace hoist
