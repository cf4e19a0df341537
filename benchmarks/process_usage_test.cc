#include "hoist/benchmarks/process_usage.h"

#include "gtest/gtest.h"
#include "hoist/benchmarks/fresh_memory.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

constexpr uint64_t kBytes = uint64_t{64} << 20;

TEST(ProcessUsageTest, SeesThePeakAndTheFaultsOfMemoryThatIsGone) {
  HOIST_ASSERT_OK_AND_ASSIGN(const ProcessUsage before, GetProcessUsage());
  {
    HOIST_ASSERT_OK_AND_ASSIGN(const FreshMemory memory,
                               FreshMemory::Map(kBytes, Pages::kSmall));
    HOIST_ASSERT_OK(Touch(memory.bytes(), nullptr));
  }
  HOIST_ASSERT_OK_AND_ASSIGN(const ProcessUsage after, GetProcessUsage());
  // The system counts pages in batches.
  constexpr uint64_t kSlackBytes = uint64_t{8} << 20;
  EXPECT_LT(after.resident_bytes, before.resident_bytes + kSlackBytes);
  EXPECT_GT(after.peak_resident_bytes + kSlackBytes,
            before.resident_bytes + kBytes);
  EXPECT_GE(after.minor_faults - before.minor_faults, int64_t{kBytes / 4096});
  ResetPeakResidentBytes();
  HOIST_ASSERT_OK_AND_ASSIGN(const ProcessUsage reset, GetProcessUsage());
  EXPECT_LT(reset.peak_resident_bytes, before.resident_bytes + kBytes / 2);
}

}  // namespace
}  // namespace hoist
