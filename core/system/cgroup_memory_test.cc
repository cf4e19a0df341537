#include "hoist/core/system/cgroup_memory.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/system/fake_root.h"

namespace hoist {

bool operator==(const CgroupMemory& a, const CgroupMemory& b) {
  return a.file == b.file && a.limit_bytes == b.limit_bytes &&
         a.used_bytes == b.used_bytes;
}

void PrintTo(const CgroupMemory& memory, std::ostream* out) {
  *out << memory.file << " " << memory.limit_bytes << " " << memory.used_bytes;
}

namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kMountV2[] =
    "24 23 0:21 / /proc rw,nosuid - proc proc rw\n"
    "31 23 0:28 / /sys/fs/cgroup rw,relatime shared:4 - cgroup2 cgroup2 rw\n";

constexpr char kMountsV1[] =
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";

class CgroupMemoryTest : public ::testing::Test {
 protected:
  std::vector<CgroupMemory> Limits() {
    return CgroupMemoryLimits(root_.path());
  }

  FakeRoot root_;
};

TEST_F(CgroupMemoryTest, Version2WithoutPageCache) {
  root_.Write("/proc/self/cgroup", "0::/job\n");
  root_.Write("/proc/self/mountinfo", kMountV2);
  root_.Write("/sys/fs/cgroup/job/memory.max", "1000000\n");
  root_.Write("/sys/fs/cgroup/job/memory.current", "700000\n");
  root_.Write("/sys/fs/cgroup/job/memory.stat",
              "anon 100000\nfile 600000\ninactive_file 400000\n"
              "active_file 200000\nshmem 5\n");
  EXPECT_THAT(Limits(), ElementsAre(CgroupMemory{
                            "/sys/fs/cgroup/job/memory.max", 1000000, 100000}));
}

TEST_F(CgroupMemoryTest, Version2HasThrottlingLimitsToo) {
  root_.Write("/proc/self/cgroup", "0::/job\n");
  root_.Write("/proc/self/mountinfo", kMountV2);
  root_.Write("/sys/fs/cgroup/job/memory.max", "max\n");
  root_.Write("/sys/fs/cgroup/job/memory.high", "500\n");
  root_.Write("/sys/fs/cgroup/job/memory.current", "70\n");
  EXPECT_THAT(Limits(), ElementsAre(CgroupMemory{
                            "/sys/fs/cgroup/job/memory.high", 500, 70}));
}

TEST_F(CgroupMemoryTest, EveryGroupAboveLimitsToo) {
  root_.Write("/proc/self/cgroup", "0::/a/b/c\n");
  root_.Write("/proc/self/mountinfo", kMountV2);
  root_.Write("/sys/fs/cgroup/a/b/c/memory.max", "max\n");
  root_.Write("/sys/fs/cgroup/a/b/memory.max", "2\n");
  root_.Write("/sys/fs/cgroup/a/memory.max", "1\n");
  root_.Write("/sys/fs/cgroup/memory.max", "3\n");
  EXPECT_THAT(Limits(),
              ElementsAre(CgroupMemory{"/sys/fs/cgroup/a/b/memory.max", 2},
                          CgroupMemory{"/sys/fs/cgroup/a/memory.max", 1},
                          CgroupMemory{"/sys/fs/cgroup/memory.max", 3}));
}

// In a cgroup namespace the own group is the root of what is seen.
TEST_F(CgroupMemoryTest, TheRootOfAContainerCanHaveALimit) {
  root_.Write("/proc/self/cgroup", "0::/\n");
  root_.Write("/proc/self/mountinfo", kMountV2);
  root_.Write("/sys/fs/cgroup/memory.max", "4096\n");
  root_.Write("/sys/fs/cgroup/memory.current", "96\n");
  EXPECT_THAT(Limits(),
              ElementsAre(CgroupMemory{"/sys/fs/cgroup/memory.max", 4096, 96}));
}

TEST_F(CgroupMemoryTest, Version1WithoutPageCacheOfAllBelow) {
  root_.Write("/proc/self/cgroup",
              "9:name=systemd:/\n5:cpu:/other\n4:hugetlb,memory:/job/step\n");
  root_.Write("/proc/self/mountinfo", kMountsV1);
  const std::string job = "/sys/fs/cgroup/memory/job";
  root_.Write(job + "/memory.limit_in_bytes", "1000\n");
  root_.Write(job + "/memory.usage_in_bytes", "900\n");
  root_.Write(job + "/memory.stat",
              "inactive_file 1\nactive_file 1\n"
              "total_inactive_file 500\ntotal_active_file 300\n");
  root_.Write(job + "/step/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_THAT(Limits(), ElementsAre(CgroupMemory{job + "/memory.limit_in_bytes",
                                                 1000, 100}));
}

// Without a cgroup namespace, a container sees its own group only, at the
// mount, though its path is the host's.
TEST_F(CgroupMemoryTest, TheMountMayShowAPartOfTheHierarchy) {
  root_.Write("/proc/self/cgroup", "4:memory:/docker/abc/inner\n");
  root_.Write("/proc/self/mountinfo",
              "35 31 0:32 /docker/ab /elsewhere rw - cgroup cgroup rw,memory\n"
              "35 31 0:32 /docker/abc /sys/fs/cgroup/memory rw master:9 - "
              "cgroup cgroup rw,memory\n");
  root_.Write("/elsewhere/memory.limit_in_bytes", "7\n");
  root_.Write("/elsewhere/c/inner/memory.limit_in_bytes", "7\n");
  root_.Write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "50\n");
  root_.Write("/sys/fs/cgroup/memory/inner/memory.limit_in_bytes", "40\n");
  EXPECT_THAT(
      Limits(),
      ElementsAre(
          CgroupMemory{"/sys/fs/cgroup/memory/inner/memory.limit_in_bytes", 40},
          CgroupMemory{"/sys/fs/cgroup/memory/memory.limit_in_bytes", 50}));
}

TEST_F(CgroupMemoryTest, AGroupThatIsNotSeenIsBelowTheMount) {
  root_.Write("/proc/self/mountinfo", kMountV2);
  root_.Write("/sys/fs/cgroup/memory.max", "50\n");
  root_.Write("/sys/memory.max", "7\n");
  root_.Write("/proc/self/cgroup", "0::/../../other\n");
  EXPECT_THAT(Limits(),
              ElementsAre(CgroupMemory{"/sys/fs/cgroup/memory.max", 50}));

  root_.Write("/proc/self/mountinfo",
              "31 23 0:28 /mine /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  root_.Write("/proc/self/cgroup", "0::/other\n");
  EXPECT_THAT(Limits(),
              ElementsAre(CgroupMemory{"/sys/fs/cgroup/memory.max", 50}));
}

TEST_F(CgroupMemoryTest, BothVersionsAtOnce) {
  root_.Write("/proc/self/cgroup", "4:memory:/one\n0::/two\n");
  root_.Write("/proc/self/mountinfo",
              absl::StrCat(kMountsV1,
                           "38 31 0:35 / /sys/fs/cgroup/unified rw "
                           "- cgroup2 cgroup2 rw\n"));
  root_.Write("/sys/fs/cgroup/memory/one/memory.limit_in_bytes", "1\n");
  root_.Write("/sys/fs/cgroup/unified/two/memory.max", "2\n");
  EXPECT_THAT(
      Limits(),
      ElementsAre(
          CgroupMemory{"/sys/fs/cgroup/unified/two/memory.max", 2},
          CgroupMemory{"/sys/fs/cgroup/memory/one/memory.limit_in_bytes", 1}));
}

TEST_F(CgroupMemoryTest, PathsMayHaveSpaces) {
  root_.Write("/proc/self/cgroup", "0::/my job:1\n");
  root_.Write("/proc/self/mountinfo",
              "31 23 0:28 / /sys/c\\040group rw - cgroup2 cgroup2 rw\n");
  root_.Write("/sys/c group/my job:1/memory.max", "8\n");
  EXPECT_THAT(Limits(),
              ElementsAre(CgroupMemory{"/sys/c group/my job:1/memory.max", 8}));
}

TEST_F(CgroupMemoryTest, MorePageCacheThanUseIsNoUse) {
  root_.Write("/proc/self/cgroup", "0::/\n");
  root_.Write("/proc/self/mountinfo", kMountV2);
  root_.Write("/sys/fs/cgroup/memory.max", "100\n");
  root_.Write("/sys/fs/cgroup/memory.current", "50\n");
  root_.Write("/sys/fs/cgroup/memory.stat",
              "inactive_file 18446744073709551615\nactive_file 1\n");
  EXPECT_THAT(Limits(),
              ElementsAre(CgroupMemory{"/sys/fs/cgroup/memory.max", 100, 0}));
}

TEST_F(CgroupMemoryTest, NothingFromNoFiles) {
  EXPECT_THAT(Limits(), IsEmpty());
  root_.Write("/proc/self/cgroup", "0::/job\n");
  EXPECT_THAT(Limits(), IsEmpty());
  root_.Write("/proc/self/mountinfo", kMountV2);
  EXPECT_THAT(Limits(), IsEmpty());
}

TEST_F(CgroupMemoryTest, NothingFromNonsense) {
  root_.Write("/sys/fs/cgroup/memory.max", "50\n");
  const std::string long_path(2 << 20, '/');
  for (const std::string& cgroup :
       {std::string(), std::string("\n\n"), std::string("0"), std::string("0:"),
        std::string("0::"), std::string("0::job"), "0::/" + long_path,
        std::string("::::::"), std::string(100, '\0')}) {
    root_.Write("/proc/self/cgroup", cgroup);
    root_.Write("/proc/self/mountinfo", kMountV2);
    EXPECT_THAT(Limits(), IsEmpty()) << cgroup.substr(0, 20);
  }
  root_.Write("/proc/self/cgroup", "0::/\n");
  for (const char* mounts :
       {"", "\n", " - ", " - cgroup2", "1 2 3 4 - cgroup2 cgroup2 rw",
        "31 23 0:28 / /sys/fs/cgroup rw cgroup2 cgroup2 rw",
        "31 23 0:28 / /sys/fs/cgroup\\ rw - cgroup2 cgroup2 rw",
        "31 23 0:28 / /sys/fs/cgroup rw - cgroup2"}) {
    root_.Write("/proc/self/mountinfo", mounts);
    EXPECT_THAT(Limits(), IsEmpty()) << mounts;
  }
  root_.Write("/proc/self/mountinfo", kMountV2);
  for (const char* limit : {"", "\n", "-1", "1e9", "5 6",
                            "99999999999999999999", "0x10", "max", "maximum"}) {
    root_.Write("/sys/fs/cgroup/memory.max", limit);
    EXPECT_THAT(Limits(), IsEmpty()) << limit;
  }
}

}  // namespace
}  // namespace hoist
