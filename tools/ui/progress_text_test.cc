#include "hoist/tools/ui/progress_text.h"

#include <algorithm>
#include <limits>
#include <string>

#include "gtest/gtest.h"

namespace hoist {
namespace {

constexpr uint64_t kGibi = uint64_t{1} << 30;
constexpr Progress kHalf = {
    .done_bytes = kGibi, .total_bytes = 2 * kGibi, .bytes_per_second = 3.41e9};

TEST(ProgressTextTest, ShowsAllInAWideTerminal) {
  EXPECT_EQ(ProgressLine(kHalf, 200),
            "[===============>              ] 50 %  1.00 of 2.00 GiB  "
            "3.41 GB/s  ETA 0.3 s");
  EXPECT_EQ(
      ProgressLine(
          {.done_bytes = 0, .total_bytes = 5000, .bytes_per_second = 0}, 200),
      "[>                             ] 0 %  0.00 of 4.88 KiB");
}

TEST(ProgressTextTest, TheBarIsFullOnlyAtTheEnd) {
  EXPECT_EQ(ProgressLine({999, 1000, 0}, 42),
            "[==================>] 99 %  999 of 1000 B");
  EXPECT_EQ(ProgressLine({1000, 1000, 0}, 42),
            "[=================] 100 %  1000 of 1000 B");
  // More than was promised, and nothing to do.
  EXPECT_EQ(ProgressLine({2000, 1000, 0}, 42),
            "[=================] 100 %  1000 of 1000 B");
  EXPECT_EQ(ProgressLine({0, 0, 0}, 30), "[===========] 100 %  0 of 0 B");
}

TEST(ProgressTextTest, FitsAnyWidth) {
  for (int width = 0; width < 100; ++width) {
    const std::string line = ProgressLine(kHalf, width);
    EXPECT_LE(line.size(), static_cast<size_t>(std::max(width - 1, 0)));
    if (width > 4) {
      EXPECT_NE(line.find("50 %"), std::string::npos) << line;
    }
  }
  EXPECT_EQ(ProgressLine(kHalf, 80),
            "[===============>              ] 50 %  1.00 of 2.00 GiB  "
            "3.41 GB/s  ETA 0.3 s");
  EXPECT_EQ(ProgressLine(kHalf, 56),
            "[====>   ] 50 %  1.00 of 2.00 GiB  3.41 GB/s  ETA 0.3 s");
  EXPECT_EQ(ProgressLine(kHalf, 40), "50 %  1.00 of 2.00 GiB  3.41 GB/s");
}

TEST(ProgressTextTest, TimeLeftAsPeopleSayIt) {
  const auto left = [](uint64_t bytes, double rate) {
    const std::string line = PlainProgressLine({0, bytes, rate});
    return line.substr(line.find(", ", line.find(", ") + 2) + 2);
  };
  EXPECT_EQ(left(1'000'000'000, 1e9), "1.0 s left");
  EXPECT_EQ(left(94'000'000'000, 1e9), "94 s left");
  EXPECT_EQ(left(185'000'000'000, 1e9), "3 min 5 s left");
  // Three years or more are no information.
  EXPECT_EQ(PlainProgressLine({0, kGibi, 1}),
            "loaded 0.00 of 1.00 GiB, 0.00 KB/s");
}

TEST(ProgressTextTest, PlainForLogs) {
  EXPECT_EQ(PlainProgressLine(kHalf),
            "loaded 1.00 of 2.00 GiB, 3.41 GB/s, 0.3 s left");
  EXPECT_EQ(
      PlainProgressLine({.done_bytes = 10 << 20, .total_bytes = 100 << 20}),
      "loaded 10 of 100 MiB");
  EXPECT_EQ(
      PlainProgressLine({.done_bytes = 13 << 20, .total_bytes = 20 << 20}),
      "loaded 13.0 of 20.0 MiB");
  constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();
  EXPECT_EQ(PlainProgressLine({kMost, kMost, 0}), "loaded 16.0 of 16.0 EiB");
}

}  // namespace
}  // namespace hoist
