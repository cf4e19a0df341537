#include "hoist/benchmarks/direct_read.h"

#include <algorithm>
#include <string>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "hoist/benchmarks/fresh_memory.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_file.h"

namespace hoist {
namespace {

constexpr size_t kFileBytes = 5 * kDirectAlignmentBytes + 17;
constexpr size_t kReadBytes = 6 * kDirectAlignmentBytes;

TEST(DirectReadTest, ReadsAFileWhoseEndIsInTheLastBlock) {
  std::string content(kFileBytes, '\0');
  for (size_t i = 0; i < content.size(); ++i) {
    content[i] = static_cast<char>(i / 7);
  }
  const std::string path = WriteTempFile("direct", content);
  HOIST_ASSERT_OK_AND_ASSIGN(const FreshMemory memory,
                             FreshMemory::Map(kReadBytes, Pages::kSmall));
  ThreadPool pool(2);
  const absl::Status status =
      ReadDirect(path, kDirectAlignmentBytes, &pool, memory.bytes());
  if (absl::IsInvalidArgument(status)) {
    GTEST_SKIP() << status;
  }
  HOIST_ASSERT_OK(status);
  EXPECT_TRUE(std::equal(content.begin(), content.end(),
                         reinterpret_cast<const char*>(memory.bytes().data())));
}

TEST(DirectReadTest, AFileThatIsNotThere) {
  EXPECT_EQ(
      ReadDirect("/nonexistent", kDirectAlignmentBytes, nullptr, {}).code(),
      absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace hoist
