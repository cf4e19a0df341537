#include "hoist/core/io/text_file.h"

#include <memory>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/io/posix_file_system.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_directory.h"

namespace hoist {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(TextFileTest, WhatIsWrittenIsRead) {
  const TempDirectory folder;
  const std::unique_ptr<FileSystem> file_system = NewPosixFileSystem();
  const std::string path = folder.path("a");
  HOIST_ASSERT_OK(WriteTextFile(*file_system, path, "one", false));
  EXPECT_EQ(*ReadTextFile(path, 3), "one");
  EXPECT_EQ(WriteTextFile(*file_system, path, "two", false).code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(*ReadTextFile(path, 3), "one");
  HOIST_ASSERT_OK(WriteTextFile(*file_system, path, "", true));
  EXPECT_EQ(*ReadTextFile(path, 3), "");
  EXPECT_THAT(folder.Names(), ElementsAre("a"));
}

TEST(TextFileTest, NoMoreIsReadThanIsAllowed) {
  const TempDirectory folder;
  folder.Write("a", "four");
  EXPECT_THAT(ReadTextFile(folder.path("a"), 3),
              StatusIs(absl::StatusCode::kDataLoss,
                       AllOf(HasSubstr(folder.path("a")), HasSubstr("4 bytes"),
                             HasSubstr("3 at most"))));
  EXPECT_THAT(ReadTextFile(folder.path("b"), 3),
              StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace hoist
