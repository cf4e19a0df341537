#include "hoist/cuda/numa.h"

#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "gtest/gtest.h"

namespace hoist {
namespace {

constexpr size_t kPage = 4096;

TEST(NumaTest, FindsTheNodeOfADevice) {
  const std::string sysfs = ::testing::TempDir() + "/sys";
  const std::string device = sysfs + "/bus/pci/devices/0000:af:00.0";
  std::filesystem::create_directories(device);
  std::ofstream(device + "/numa_node") << "1\n";
  EXPECT_EQ(NumaNodeOfPciDevice("0000:AF:00.0", sysfs), 1);
  EXPECT_EQ(NumaNodeOfPciDevice("0000:af:00.0", sysfs), 1);
  EXPECT_EQ(NumaNodeOfPciDevice("0000:AE:00.0", sysfs), -1);
  std::ofstream(device + "/numa_node") << "-1\n";
  EXPECT_EQ(NumaNodeOfPciDevice("0000:AF:00.0", sysfs), -1);
  std::ofstream(device + "/numa_node") << "\n";
  EXPECT_EQ(NumaNodeOfPciDevice("0000:AF:00.0", sysfs), -1);
}

class PreferNumaNodeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    data_ = mmap(nullptr, kPage, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(data_, MAP_FAILED);
    if (Policy() < 0) {
      GTEST_SKIP() << "This kernel or sandbox knows no memory policies";
    }
  }
  void TearDown() override { munmap(data_, kPage); }

  // The policy of the page, or -1.
  int Policy() const {
    int policy = -1;
    const long result =
        syscall(SYS_get_mempolicy, &policy, nullptr, 0, data_, MPOL_F_ADDR);
    return result == 0 ? policy : -1;
  }

  void* data_ = MAP_FAILED;
};

TEST_F(PreferNumaNodeTest, SetsThePolicyOfThePages) {
  PreferNumaNode(data_, kPage, 0);
  EXPECT_EQ(Policy(), MPOL_PREFERRED);
}

TEST_F(PreferNumaNodeTest, LeavesThePagesOtherwise) {
  for (const int node : {-1, 1000, 1 << 30}) {
    PreferNumaNode(data_, kPage, node);
    EXPECT_EQ(Policy(), MPOL_DEFAULT);
  }
}

}  // namespace
}  // namespace hoist
