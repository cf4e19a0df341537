#include "hoist/core/io/memory_file.h"

#include <array>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/io/file_range.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto kDataLoss = absl::StatusCode::kDataLoss;

TEST(MemoryFileTest, ReadsWhatIsThereAndNoMore) {
  const MemoryFile file("abcd");
  EXPECT_EQ(file.size_bytes(), 4u);
  std::array<uint8_t, 2> out;
  HOIST_ASSERT_OK(file.ReadAt(2, absl::MakeSpan(out)));
  EXPECT_THAT(out, ElementsAre('c', 'd'));
  EXPECT_THAT(file.ReadAt(3, absl::MakeSpan(out)),
              StatusIs(kDataLoss, HasSubstr("2 bytes from byte 3")));
  EXPECT_THAT(file.ReadAt(UINT64_MAX, absl::MakeSpan(out)),
              StatusIs(kDataLoss));
  HOIST_EXPECT_OK(file.ReadAt(4, {}));
  EXPECT_THAT(file.ReadAt(5, {}), StatusIs(kDataLoss));
}

TEST(FileRangeTest, ReadsWhatIsInTheRange) {
  const MemoryFile file("the file", {'a', 'b', 'c', 'd'});
  const FileRange range(file, 1, 2);
  EXPECT_EQ(range.path(), "the file");
  EXPECT_EQ(range.size_bytes(), 2u);
  std::array<uint8_t, 2> out;
  HOIST_ASSERT_OK(range.ReadAt(0, absl::MakeSpan(out)));
  EXPECT_THAT(out, ElementsAre('b', 'c'));
  // The file has it, the range has not.
  EXPECT_THAT(range.ReadAt(1, absl::MakeSpan(out)), StatusIs(kDataLoss));
  EXPECT_THAT(range.ReadAt(UINT64_MAX, absl::MakeSpan(out)),
              StatusIs(kDataLoss));
}

}  // namespace
}  // namespace hoist
