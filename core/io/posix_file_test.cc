#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/io/random_access_file.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_file.h"

namespace hoist {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

absl::Span<uint8_t> BytesOf(std::string& text) {
  return absl::MakeSpan(reinterpret_cast<uint8_t*>(text.data()), text.size());
}

TEST(PosixFileTest, ReadsRanges) {
  const std::string path = WriteTempFile("ten", "0123456789");
  HOIST_ASSERT_OK_AND_ASSIGN(auto file, OpenFile(path));
  EXPECT_EQ(file->path(), path);
  EXPECT_EQ(file->size_bytes(), 10u);
  std::string out(4, '\0');
  HOIST_ASSERT_OK(file->ReadAt(6, BytesOf(out)));
  EXPECT_EQ(out, "6789");
  std::string none;
  HOIST_EXPECT_OK(file->ReadAt(10, BytesOf(none)));
}

TEST(PosixFileTest, RangeOutsideTheFileIsDataLoss) {
  HOIST_ASSERT_OK_AND_ASSIGN(auto file,
                             OpenFile(WriteTempFile("ten", "0123456789")));
  std::string out(4, '\0');
  EXPECT_THAT(file->ReadAt(7, BytesOf(out)),
              StatusIs(absl::StatusCode::kDataLoss,
                       AllOf(HasSubstr("byte 7"), HasSubstr("has 10"))));
  EXPECT_THAT(file->ReadAt(~uint64_t{0}, BytesOf(out)),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("has 10")));
}

TEST(PosixFileTest, FileThatShrinksIsDataLossWithThePath) {
  const std::string path = WriteTempFile("shrinks", "0123456789");
  HOIST_ASSERT_OK_AND_ASSIGN(auto file, OpenFile(path));
  ASSERT_EQ(truncate(path.c_str(), 5), 0);
  std::string out(10, '\0');
  EXPECT_THAT(
      file->ReadAt(0, BytesOf(out)),
      StatusIs(absl::StatusCode::kDataLoss,
               AllOf(HasSubstr(path), HasSubstr("has become shorter"))));
}

TEST(PosixFileTest, ScattersARange) {
  HOIST_ASSERT_OK_AND_ASSIGN(auto file,
                             OpenFile(WriteTempFile("ten", "0123456789")));
  std::string a(2, '\0');
  std::string b(3, '\0');
  const absl::Span<uint8_t> parts[] = {BytesOf(a), BytesOf(b)};
  HOIST_ASSERT_OK(file->ReadScattered(5, parts));
  EXPECT_EQ(a + "|" + b, "56|789");
  EXPECT_THAT(
      file->ReadScattered(6, parts),
      StatusIs(absl::StatusCode::kDataLoss, HasSubstr("5 bytes from byte 6")));
}

TEST(PosixFileTest, SaysWhatHasChangedSinceItWasOpened) {
  const std::string path = WriteTempFile("ten", "0123456789");
  HOIST_ASSERT_OK_AND_ASSIGN(auto file, OpenFile(path));
  HOIST_EXPECT_OK(file->CheckUnchanged());
  ASSERT_EQ(truncate(path.c_str(), 12), 0);
  EXPECT_THAT(file->CheckUnchanged(),
              StatusIs(absl::StatusCode::kDataLoss,
                       AllOf(HasSubstr(path), HasSubstr("had 10 bytes"),
                             HasSubstr("has 12"))));
  HOIST_ASSERT_OK_AND_ASSIGN(file, OpenFile(path));
  HOIST_EXPECT_OK(file->CheckUnchanged());
  const struct timespec times[] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
  ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  EXPECT_THAT(file->CheckUnchanged(),
              StatusIs(absl::StatusCode::kDataLoss,
                       HasSubstr("was changed while it was read")));
}

TEST(PosixFileTest, MissingFileAndDirectoryAndPipe) {
  EXPECT_THAT(
      OpenFile("/nonexistent/a.pt"),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("/nonexistent/a.pt")));
  EXPECT_THAT(OpenFile("/"), StatusIs(absl::StatusCode::kInvalidArgument,
                                      HasSubstr("is a directory")));
  const std::string pipe = ::testing::TempDir() + "/pipe";
  unlink(pipe.c_str());
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(OpenFile(pipe), StatusIs(absl::StatusCode::kInvalidArgument,
                                       HasSubstr("not a regular file")));
}

}  // namespace
}  // namespace hoist
