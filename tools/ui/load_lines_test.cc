#include "hoist/tools/ui/load_lines.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace hoist {
namespace {

TEST(ReadLinesTest, SayHowAndWhy) {
  EXPECT_EQ(ReadLines({}), "");
  EXPECT_EQ(ReadLines({{.path = "m.pt", .method = "pread", .reason = "why"}}),
            "  read by pread: why\n");
}

TEST(ReadLinesTest, SumUpManyFiles) {
  std::vector<LoadReport::FileIo> files = {
      {.path = "1", .method = "pread", .reason = "a"},
      {.path = "2", .method = "direct", .reason = "b"},
      {.path = "3", .method = "pread", .reason = "a"},
      {.path = "4", .method = "pread", .reason = "b"}};
  EXPECT_EQ(ReadLines(files),
            "  2 files read by pread: a\n"
            "  1 file read by direct: b\n"
            "  1 file read by pread: b\n");
  files.push_back({.path = "5", .method = "pread", .reason = "c"});
  EXPECT_EQ(absl::StrCat("\n", ReadLines(files)), R"(
  2 files read by pread: a
  1 file read by direct: b
  1 file read by pread: b
  1 file read by pread: c
)");
  files.push_back({.path = "6", .method = "pread", .reason = "d"});
  EXPECT_EQ(absl::StrCat("\n", ReadLines(files)), R"(
  2 files read by pread: a
  1 file read by direct: b
  1 file read by pread: b
  and 2 files for other reasons
)");
}

TEST(ReadLinesTest, AreSafeToShow) {
  EXPECT_EQ(ReadLines({{.path = "", .method = "pread", .reason = "\x1b[2J"}}),
            "  read by pread: \\x1b[2J\n");
}

TEST(MemoryLineTest, NamesWhatThereIs) {
  EXPECT_EQ(MemoryLine(0, 0, 0), "");
  EXPECT_EQ(MemoryLine(1 << 20, 0, 0), "  memory at most: 1.00 MiB host\n");
  EXPECT_EQ(MemoryLine(1, 2, 3),
            "  memory at most: 1 B host, 2 B pinned, 3 B device\n");
}

}  // namespace
}  // namespace hoist
