#include "hoist/core/tensor/ops/float_planes.h"

#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/tensor/ops/cpu_level.h"
#include "hoist/core/tensor/ops/float_plane_loops.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;

TEST(FloatPlanesTest, TheLastPlaneIsTheExponent) {
  // -1.5 and 2 as bfloat16: bfc0 and 4000, exponents 7f and 80.
  const std::vector<uint8_t> floats = {0xc0, 0xbf, 0x00, 0x40};
  std::vector<uint8_t> low(2);
  std::vector<uint8_t> high(2);
  SplitFloatPlanes(floats, {low.data(), high.data()});
  EXPECT_THAT(high, ElementsAre(0x7f, 0x80));
  EXPECT_THAT(low, ElementsAre(0x81, 0x00));  // mantissa, then sign
  std::vector<uint8_t> joined(4);
  JoinFloatPlanes({low.data(), high.data()}, absl::MakeSpan(joined));
  EXPECT_EQ(joined, floats);
}

TEST(FloatPlanesTest, EveryLevelAlignmentAndLength) {
  std::mt19937 random(1);
  for (const CpuLevel level : SupportedCpuLevels()) {
    for (const size_t size : {2, 4, 8}) {
      for (const size_t count : {0, 1, 63, 64, 129, 2047, 2049, 5000}) {
        for (const size_t shift : {0, 1}) {
          SCOPED_TRACE(testing::Message() << size << " " << count);
          std::vector<uint8_t> floats(shift + size * count);
          for (uint8_t& byte : floats) byte = static_cast<uint8_t>(random());
          std::vector<std::vector<uint8_t>> planes(
              size, std::vector<uint8_t>(shift + count + 1, 0xA5));
          std::vector<uint8_t*> pointers;
          for (auto& plane : planes) pointers.push_back(&plane[shift]);
          HOIST_AT_CPU_LEVEL(level, SplitFloatPlaneLoop)
          (floats.data() + shift, pointers.data(), count,
           static_cast<int>(size));
          for (size_t i = 0; i < size * count; ++i) {
            // The bits of a byte that stand above those of the one before.
            const size_t k = i % size;
            const size_t begin = shift + i - k;
            const uint8_t below = floats[begin + (k + size - 1) % size];
            ASSERT_EQ(
                planes[k][shift + i / size],
                static_cast<uint8_t>(floats[begin + k] << 1 | below >> 7));
          }
          std::vector<uint8_t> joined(shift + size * count + 1, 0xA5);
          HOIST_AT_CPU_LEVEL(level, JoinFloatPlaneLoop)
          (pointers.data(), joined.data() + shift, count,
           static_cast<int>(size));
          EXPECT_EQ(joined.back(), 0xA5);
          EXPECT_TRUE(std::equal(floats.begin() + shift, floats.end(),
                                 joined.begin() + shift));
          for (const auto& plane : planes) {
            EXPECT_EQ(plane.back(), 0xA5);
          }
        }
      }
    }
  }
}

TEST(FloatPlanesDeathTest, WholeFloatsOnly) {
  std::vector<uint8_t> floats(6);
  std::vector<uint8_t> plane(6);
  uint8_t* const at = plane.data();
  EXPECT_DEATH(SplitFloatPlanes(floats, {at, at, at}), "");
  EXPECT_DEATH(SplitFloatPlanes(floats, {at, at, at, at}), "");
}

}  // namespace
}  // namespace hoist
