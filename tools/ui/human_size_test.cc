#include "hoist/tools/ui/human_size.h"

#include <cstdint>

#include "gtest/gtest.h"

namespace hoist {
namespace {

TEST(HumanBytesTest, ChangesTheUnitWhereFourDigitsWouldBeShown) {
  EXPECT_EQ(HumanBytes(0), "0 B");
  EXPECT_EQ(HumanBytes(1023), "1023 B");
  EXPECT_EQ(HumanBytes(1024), "1.00 KiB");
  EXPECT_EQ(HumanBytes(10 * 1024 + 512), "10.5 KiB");
  EXPECT_EQ(HumanBytes(1023 * 1024), "1.00 MiB");
  EXPECT_EQ(HumanBytes(13ull << 30), "13.0 GiB");
  EXPECT_EQ(HumanBytes(UINT64_MAX), "16.0 EiB");
}

TEST(GroupedDigitsTest, SeparatesThousands) {
  EXPECT_EQ(GroupedDigits(0), "0");
  EXPECT_EQ(GroupedDigits(999), "999");
  EXPECT_EQ(GroupedDigits(1000), "1,000");
  EXPECT_EQ(GroupedDigits(-123456), "-123,456");
  EXPECT_EQ(GroupedDigits(INT64_MIN), "-9,223,372,036,854,775,808");
}

TEST(CountTextTest, OneIsNotMany) {
  EXPECT_EQ(CountText(0, "tensor"), "0 tensors");
  EXPECT_EQ(CountText(1, "tensor"), "1 tensor");
  EXPECT_EQ(CountText(1234, "more line"), "1,234 more lines");
}

TEST(CountSuffixTest, IsForLongCountsOnly) {
  EXPECT_EQ(CountSuffix(9'999), "");
  EXPECT_EQ(CountSuffix(18'730), " (18.7 K)");
  EXPECT_EQ(CountSuffix(999'600), " (1.00 M)");
  EXPECT_EQ(CountSuffix(6'738'415'616), " (6.74 B)");
}

TEST(HumanTimeTest, GoesFromNanosecondsToMinutes) {
  EXPECT_EQ(HumanTime(0), "0 ns");
  EXPECT_EQ(HumanTime(12'345), "12.3 us");
  EXPECT_EQ(HumanTime(999'700), "1.00 ms");
  EXPECT_EQ(HumanTime(1'500'000), "1.50 ms");
  EXPECT_EQ(HumanTime(2'310'000'000), "2.31 s");
  EXPECT_EQ(HumanTime(185'000'000'000), "3 min 5 s");
}

TEST(HumanRateTest, IsInPowersOfTen) {
  EXPECT_EQ(HumanRate(3'210'000'000, 1'000'000'000), "3.21 GB/s");
  EXPECT_EQ(HumanRate(78'000, 1'000'000), "78.0 MB/s");
  EXPECT_EQ(HumanRate(193, 1'000), "0.19 GB/s");
  EXPECT_EQ(HumanRate(80, 170'000), "471 KB/s");
  EXPECT_EQ(HumanRate(0, 5), "");
  EXPECT_EQ(HumanRate(5, 0), "");
}

}  // namespace
}  // namespace hoist
