#include "hoist/core/system/memory_budget.h"

#include <sys/resource.h>

#include <limits>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/system/fake_root.h"

namespace hoist {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class MemoryBudgetTest : public ::testing::Test {
 protected:
  void WriteMachine(uint64_t available_kib) {
    root_.Write("/proc/meminfo",
                "MemTotal:       67108864 kB\nMemFree:        1024 kB\n"
                "MemAvailable:   " +
                    std::to_string(available_kib) + " kB\n");
  }

  void WriteContainer(const std::string& limit) {
    root_.Write("/proc/self/cgroup", "0::/job\n");
    root_.Write("/proc/self/mountinfo",
                "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    root_.Write("/sys/fs/cgroup/job/memory.max", limit);
    root_.Write("/sys/fs/cgroup/job/memory.current", "3221225472\n");
    root_.Write("/sys/fs/cgroup/job/memory.stat", "active_file 1073741824\n");
  }

  void WriteAddressSpace(const std::string& limit) {
    root_.Write("/proc/self/limits",
                "Limit                     Soft Limit  Hard Limit  Units\n"
                "Max processes             96309       96309       processes\n"
                "Max address space         " +
                    limit + "  unlimited   bytes\n");
    root_.Write("/proc/self/status",
                "Name:\tx\nVmPeak:\t 9999 kB\nVmSize:\t 524288 kB\n");
  }

  MemoryBudget Budget() { return HostMemoryBudget(root_.path()); }

  FakeRoot root_;
};

constexpr uint64_t kGibi = uint64_t{1} << 30;
constexpr uint64_t kNone = std::numeric_limits<uint64_t>::max();

TEST_F(MemoryBudgetTest, IsWhatTheMachineHas) {
  WriteMachine(25165824);
  const MemoryBudget budget = Budget();
  EXPECT_EQ(budget.available_bytes, 24 * kGibi);
  EXPECT_EQ(budget.reason, "machine has 24.0 GiB available");
}

TEST_F(MemoryBudgetTest, IsWhatTheContainerLeavesWithoutPageCache) {
  WriteMachine(67108864);
  WriteContainer("34359738368\n");
  const MemoryBudget budget = Budget();
  EXPECT_EQ(budget.available_bytes, 30 * kGibi);
  EXPECT_EQ(budget.reason,
            "container allows 32.0 GiB (page cache not counted: 2.0 GiB in "
            "use), says /sys/fs/cgroup/job/memory.max");
}

TEST_F(MemoryBudgetTest, IsTheMachinesWhereTheContainerAllowsMore) {
  WriteMachine(1048576);
  WriteContainer("34359738368\n");
  EXPECT_EQ(Budget().available_bytes, kGibi);
  WriteContainer("max\n");
  EXPECT_EQ(Budget().reason, "machine has 1.0 GiB available");
}

TEST_F(MemoryBudgetTest, IsWhatTheAddressSpaceLeaves) {
  WriteMachine(67108864);
  WriteContainer("34359738368\n");
  WriteAddressSpace("1073741824");
  const MemoryBudget budget = Budget();
  EXPECT_EQ(budget.available_bytes, kGibi / 2);
  EXPECT_EQ(budget.reason,
            "ulimit -v allows 1.0 GiB of address space (512.0 MiB in use)");
  WriteAddressSpace("unlimited");
  EXPECT_THAT(Budget().reason, StartsWith("container allows"));
}

TEST_F(MemoryBudgetTest, IsNothingBeyondTheLimit) {
  WriteContainer("1000\n");
  EXPECT_EQ(Budget().available_bytes, 0u);
  root_.Write("/sys/fs/cgroup/job/memory.max", "max");
  WriteAddressSpace("1000");
  EXPECT_EQ(Budget().available_bytes, 0u);
}

TEST_F(MemoryBudgetTest, IsUnlimitedWhereNothingIsKnown) {
  EXPECT_EQ(Budget().available_bytes, kNone);
  EXPECT_EQ(Budget().reason, "no limit is known");
  WriteAddressSpace("nonsense");
  for (const char* meminfo :
       {"", "MemAvailable:", "MemAvailable: 5", "MemAvailable: x kB\n",
        "MemAvailable: 5 MB\n", "MemAvailable: -5 kB\n",
        "MemAvailable: 18446744073709551615 kB\n"}) {
    root_.Write("/proc/meminfo", meminfo);
    EXPECT_EQ(Budget().available_bytes, kNone) << meminfo;
  }
}

TEST(HostMemoryBudgetTest, OfThisMachineIsKnown) {
  const MemoryBudget budget = HostMemoryBudget();
  EXPECT_GT(budget.available_bytes, 0u);
  EXPECT_LT(budget.available_bytes, uint64_t{1} << 60) << budget.reason;
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// Sanitizers take more address space than any limit.
TEST(HostMemoryBudgetTest, SeesTheLimitOfThisProcess) {
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_AS, &before), 0);
  rlimit limit = before;
  limit.rlim_cur = 300 << 20;
  ASSERT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
  const MemoryBudget budget = HostMemoryBudget();
  ASSERT_EQ(setrlimit(RLIMIT_AS, &before), 0);
  EXPECT_THAT(budget.reason, HasSubstr("ulimit -v allows 300.0 MiB"));
  EXPECT_LT(budget.available_bytes, 300u << 20);
}
#endif

}  // namespace
}  // namespace hoist
