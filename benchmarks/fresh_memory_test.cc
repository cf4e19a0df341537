#include "hoist/benchmarks/fresh_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <vector>

#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

constexpr size_t kPageBytes = 4096;
constexpr size_t kSizeBytes = 5 * FreshMemory::kAlignmentBytes + 17;

int64_t ResidentPages(absl::Span<const uint8_t> bytes) {
  std::vector<unsigned char> pages((bytes.size() + kPageBytes - 1) /
                                   kPageBytes);
  EXPECT_EQ(
      mincore(const_cast<uint8_t*>(bytes.data()), bytes.size(), pages.data()),
      0);
  return std::count_if(pages.begin(), pages.end(),
                       [](unsigned char page) { return page & 1; });
}

TEST(FreshMemoryTest, IsAlignedAndHasNoPagesUntilItIsTouched) {
  ThreadPool pool(2);
  for (const Pages pages : {Pages::kHuge, Pages::kSmall}) {
    HOIST_ASSERT_OK_AND_ASSIGN(const FreshMemory memory,
                               FreshMemory::Map(kSizeBytes, pages));
    ASSERT_EQ(memory.bytes().size(), kSizeBytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(memory.bytes().data()) %
                  FreshMemory::kAlignmentBytes,
              0u);
    EXPECT_EQ(ResidentPages(memory.bytes()), 0);
    HOIST_ASSERT_OK(Touch(memory.bytes(), &pool));
    EXPECT_EQ(ResidentPages(memory.bytes()),
              int64_t{kSizeBytes / kPageBytes + 1});
  }
}

TEST(FreshMemoryTest, ABallastWithoutAPool) {
  HOIST_EXPECT_OK(TouchAndFreeBallast(kSizeBytes, nullptr));
}

}  // namespace
}  // namespace hoist
