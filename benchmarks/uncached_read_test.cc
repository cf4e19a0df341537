#include "hoist/benchmarks/uncached_read.h"

#include <algorithm>
#include <string>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "hoist/benchmarks/fresh_memory.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_file.h"

namespace hoist {
namespace {

constexpr size_t kFileBytes = 5 * kUncachedAlignmentBytes + 17;
constexpr size_t kReadBytes = 6 * kUncachedAlignmentBytes;

TEST(UncachedReadTest, ReadsAFileWhoseEndIsInTheLastBlock) {
  std::string content(kFileBytes, '\0');
  for (size_t i = 0; i < content.size(); ++i) {
    content[i] = static_cast<char>(i / 7);
  }
  const std::string path = WriteTempFile("uncached", content);
  HOIST_ASSERT_OK_AND_ASSIGN(const FreshMemory memory,
                             FreshMemory::Map(kReadBytes, Pages::kSmall));
  ThreadPool pool(2);
  const absl::Status status =
      ReadUncached(path, kUncachedAlignmentBytes, &pool, memory.bytes());
  if (absl::IsInvalidArgument(status)) {
    GTEST_SKIP() << status;
  }
  HOIST_ASSERT_OK(status);
  EXPECT_TRUE(std::equal(content.begin(), content.end(),
                         reinterpret_cast<const char*>(memory.bytes().data())));
}

TEST(UncachedReadTest, AFileThatIsNotThere) {
  EXPECT_EQ(
      ReadUncached("/nonexistent", kUncachedAlignmentBytes, nullptr, {}).code(),
      absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace hoist
