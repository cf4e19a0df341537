#include "hoist/benchmarks/evict.h"

#include <sys/statfs.h>

#include <string>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_file.h"

namespace hoist {
namespace {

constexpr size_t kFileBytes = size_t{8} << 20;

// Files without a device stay in memory.
bool IsInMemory(const std::string& path) {
  constexpr decltype(statfs::f_type) kTmpfs = 0x01021994;
  struct statfs system;
  return statfs(path.c_str(), &system) == 0 && system.f_type == kTmpfs;
}

TEST(EvictTest, AFileGoesFromThePageCacheAndComesBack) {
  const std::string path =
      WriteTempFile("evicted", std::string(kFileBytes, 'x'));
  HOIST_ASSERT_OK_AND_ASSIGN(const double written, ResidentShare(path));
  EXPECT_EQ(written, 1);
  if (IsInMemory(path)) {
    EXPECT_EQ(EvictFromPageCache(path).code(),
              absl::StatusCode::kFailedPrecondition);
    return;
  }
  HOIST_ASSERT_OK(EvictFromPageCache(path));
  HOIST_ASSERT_OK_AND_ASSIGN(const double evicted, ResidentShare(path));
  EXPECT_LE(evicted, kMaxColdShare);
  HOIST_ASSERT_OK(WarmPageCache(path));
  HOIST_ASSERT_OK_AND_ASSIGN(const double warmed, ResidentShare(path));
  EXPECT_EQ(warmed, 1);
}

TEST(EvictTest, AnEmptyFileIsColdAndWarm) {
  const std::string path = WriteTempFile("empty", "");
  HOIST_EXPECT_OK(EvictFromPageCache(path));
  HOIST_EXPECT_OK(WarmPageCache(path));
}

TEST(EvictTest, AFileThatIsNotThere) {
  EXPECT_EQ(EvictFromPageCache("/nonexistent").code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(WarmPageCache("/nonexistent").code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace hoist
