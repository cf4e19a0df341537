#include "hoist/checkpoint/load/phase_clock.h"

#include <chrono>
#include <thread>

#include "gtest/gtest.h"

namespace hoist {
namespace {

constexpr int64_t kNap = 20'000'000;  // in ns

void Nap() { std::this_thread::sleep_for(std::chrono::nanoseconds(kNap)); }

TEST(PhaseClockTest, PhasesFollowEachOtherWithoutGaps) {
  const auto start = std::chrono::steady_clock::now();
  LoadReport report;
  PhaseClock clock(report);
  Nap();
  clock.End("plan");
  Nap();
  Nap();
  clock.Take("read", kNap / 2, 7);
  clock.End("wait", /*ago_ns=*/kNap);
  clock.End("finish");
  const std::chrono::nanoseconds all = std::chrono::steady_clock::now() - start;
  ASSERT_EQ(report.phases.size(), 4u);
  EXPECT_EQ(report.phases[0].name, "plan");
  EXPECT_GE(report.phases[0].time_ns, kNap);
  EXPECT_EQ(report.phases[1].name, "read");
  EXPECT_EQ(report.phases[1].time_ns, kNap / 2);
  EXPECT_EQ(report.phases[1].bytes, 7u);
  EXPECT_EQ(report.phases[2].name, "wait");
  EXPECT_GE(report.phases[2].time_ns, kNap / 2);
  EXPECT_EQ(report.phases[3].name, "finish");
  EXPECT_GE(report.phases[3].time_ns, kNap);
  int64_t sum_ns = 0;
  for (const LoadReport::Phase& phase : report.phases) {
    sum_ns += phase.time_ns;
  }
  EXPECT_EQ(report.time_ns, sum_ns);
  EXPECT_GE(report.time_ns, 3 * kNap);
  EXPECT_LE(report.time_ns, all.count());
}

}  // namespace
}  // namespace hoist
