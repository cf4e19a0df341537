#include "hoist/tools/ui/progress_display.h"

#include <algorithm>
#include <sstream>
#include <string>

#include "gtest/gtest.h"

namespace hoist {
namespace {

constexpr int64_t kMillisecond = 1'000'000;
constexpr uint64_t kTotal = 10'000'000'000;
constexpr Terminal kTerminal = {.is_terminal = true, .width = 60};

// What a terminal shows in its line after `output`.
std::string Screen(const std::string& output) {
  std::string line;
  size_t column = 0;
  for (const char c : output) {
    EXPECT_NE(c, '\n');
    if (c == '\r') {
      column = 0;
      continue;
    }
    line.resize(std::max(line.size(), column + 1), ' ');
    line[column++] = c;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

// Shows a load of 1 GB/s from `from_ms` until before `to_ms`, each ms.
void Load(ProgressDisplay& display, int from_ms, int to_ms) {
  for (int ms = from_ms; ms < to_ms; ++ms) {
    display.Show(uint64_t{1'000'000} * static_cast<uint64_t>(ms), kTotal,
                 ms * kMillisecond);
  }
}

TEST(ProgressDisplayTest, DrawsOneLineAtMostTenTimesASecond) {
  std::ostringstream out;
  ProgressDisplay display(kTerminal, out, 0);
  Load(display, 0, 2000);
  const std::string text = out.str();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\r'), 15);
  EXPECT_EQ(Screen(text),
            "[==>         ] 19 %  1.77 of 9.31 GiB  1.00 GB/s  ETA 8.1 s");
}

TEST(ProgressDisplayTest, ShortLoadsShowNothing) {
  std::ostringstream out;
  ProgressDisplay display(kTerminal, out, 0);
  Load(display, 0, 500);
  display.Clear();
  EXPECT_EQ(out.str(), "");
}

TEST(ProgressDisplayTest, LeavesNothingOnTheTerminal) {
  std::ostringstream out;
  ProgressDisplay display(kTerminal, out, 0);
  Load(display, 0, 1000);
  EXPECT_NE(Screen(out.str()), "");
  display.Clear();
  EXPECT_EQ(Screen(out.str()), "");
  EXPECT_EQ(out.str().back(), '\r');
}

TEST(ProgressDisplayTest, AShorterLineLeavesNothingOfALongerOne) {
  std::ostringstream out;
  ProgressDisplay display(kTerminal, out, 0);
  display.Show(0, kTotal, 400 * kMillisecond);
  display.Show(1'000'000'000, kTotal, 600 * kMillisecond);
  const size_t longer = Screen(out.str()).size();
  // Five seconds without a byte: no rate, no time left.
  display.Show(1'000'000'000, kTotal, 5600 * kMillisecond);
  display.Show(1'000'000'000, kTotal, 5800 * kMillisecond);
  EXPECT_LT(Screen(out.str()).size(), longer);
  EXPECT_EQ(Screen(out.str()).find("ETA"), std::string::npos);
}

TEST(ProgressDisplayTest, PlainLinesWhereNobodyLooks) {
  std::ostringstream out;
  ProgressDisplay display({}, out, 0);
  Load(display, 0, 5000);
  EXPECT_EQ(out.str(), "");
  Load(display, 5000, 9999);
  EXPECT_EQ(out.str(), "loaded 4.66 of 9.31 GiB, 1.00 GB/s, 5.0 s left\n");
  display.Clear();
  EXPECT_EQ(out.str(), "loaded 4.66 of 9.31 GiB, 1.00 GB/s, 5.0 s left\n");
}

TEST(ProgressDisplayTest, TimeNeedNotBeginAtZero) {
  std::ostringstream out;
  ProgressDisplay display(kTerminal, out, -7000 * kMillisecond);
  display.Show(1, 2, -6501 * kMillisecond);
  EXPECT_EQ(out.str(), "");
  display.Show(1, 2, -6500 * kMillisecond);
  EXPECT_NE(out.str(), "");
}

}  // namespace
}  // namespace hoist
