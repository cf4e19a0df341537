#include "hoist/tools/ui/rate_window.h"

#include "gtest/gtest.h"

namespace hoist {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

TEST(RateWindowTest, IsNothingBeforeTimePasses) {
  RateWindow rate;
  EXPECT_EQ(rate.BytesPerSecond(), 0);
  rate.Add(0, 0);
  EXPECT_EQ(rate.BytesPerSecond(), 0);
  rate.Add(0, 100);
  EXPECT_EQ(rate.BytesPerSecond(), 0);
}

TEST(RateWindowTest, IsOfAllAtFirst) {
  RateWindow rate;
  rate.Add(0, 0);
  rate.Add(kSecond, 100);
  EXPECT_DOUBLE_EQ(rate.BytesPerSecond(), 100);
  rate.Add(2 * kSecond, 400);
  EXPECT_DOUBLE_EQ(rate.BytesPerSecond(), 200);
}

TEST(RateWindowTest, ForgetsWhatIsLongAgo) {
  RateWindow rate;
  rate.Add(0, 0);
  for (int i = 1; i <= 100; ++i) {
    rate.Add(i * kSecond / 10, 1'000'000);
  }
  EXPECT_DOUBLE_EQ(rate.BytesPerSecond(), 0);
  rate.Add(11 * kSecond, 1'000'000 + 3000);
  EXPECT_DOUBLE_EQ(rate.BytesPerSecond(), 1000);
}

// Where samples are further apart than the window is long.
TEST(RateWindowTest, IsSinceTheLastSampleAtLeast) {
  RateWindow rate;
  rate.Add(0, 0);
  rate.Add(10 * kSecond, 1000);
  rate.Add(20 * kSecond, 5000);
  EXPECT_DOUBLE_EQ(rate.BytesPerSecond(), 400);
}

}  // namespace
}  // namespace hoist
