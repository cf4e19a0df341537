#include "hoist/core/io/atomic_file.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
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
using ::testing::MatchesRegex;

absl::Span<const uint8_t> Bytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

class AtomicFileTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<AtomicFile>> Create(
      const std::string& name, const PublishOptions& options = {}) {
    return AtomicFile::Create(*files_, directory_.path(name), options);
  }
  absl::Status Write(const std::string& name, const std::string& content,
                     const PublishOptions& options = {}) {
    auto file = Create(name, options);
    if (!file.ok()) {
      return file.status();
    }
    if (auto status = (*file)->file().WriteAt(0, Bytes(content));
        !status.ok()) {
      return status;
    }
    return (*file)->Publish();
  }

  TempDirectory directory_;
  std::unique_ptr<FileSystem> files_ = NewPosixFileSystem();
};

TEST_F(AtomicFileTest, AppearsWhenItIsPublished) {
  HOIST_ASSERT_OK_AND_ASSIGN(auto file, Create("a"));
  HOIST_ASSERT_OK(file->file().WriteAt(0, Bytes("new")));
  EXPECT_THAT(directory_.Names(),
              ElementsAre(MatchesRegex(absl::StrCat("\\.a\\.hoist-", getpid(),
                                                    "-[0-9a-f]+\\.tmp"))));
  HOIST_ASSERT_OK(file->Publish());
  file = nullptr;
  EXPECT_THAT(directory_.Names(), ElementsAre("a"));
  EXPECT_EQ(directory_.Read("a"), "new");
}

TEST_F(AtomicFileTest, LeavesNothingBehindIfItIsGivenUp) {
  directory_.Write("a", "old");
  {
    HOIST_ASSERT_OK_AND_ASSIGN(const auto file,
                               Create("a", {.overwrite = true}));
    HOIST_ASSERT_OK(file->file().WriteAt(0, Bytes("new")));
  }
  EXPECT_THAT(directory_.Names(), ElementsAre("a"));
  EXPECT_EQ(directory_.Read("a"), "old");
}

TEST_F(AtomicFileTest, ReplacesOnlyIfAskedTo) {
  directory_.Write("a", "old");
  EXPECT_THAT(Write("a", "new"), StatusIs(absl::StatusCode::kAlreadyExists,
                                          HasSubstr(directory_.path("a"))));
  EXPECT_EQ(directory_.Read("a"), "old");
  HOIST_EXPECT_OK(Write("a", "new", {.overwrite = true}));
  EXPECT_EQ(directory_.Read("a"), "new");
  EXPECT_THAT(directory_.Names(), ElementsAre("a"));
}

TEST_F(AtomicFileTest, DoesNotReplaceWhatHasAppearedMeanwhile) {
  HOIST_ASSERT_OK_AND_ASSIGN(const auto file, Create("a"));
  directory_.Write("a", "another's");
  EXPECT_THAT(file->Publish(), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_EQ(directory_.Read("a"), "another's");
}

TEST_F(AtomicFileTest, IsCheckedBeforeItIsSeen) {
  directory_.Write("a", "old");
  std::string checked;
  PublishOptions options = {.overwrite = true};
  options.check = [&](const std::string& path) {
    checked = directory_.Read(path.substr(path.rfind('/') + 1));
    EXPECT_EQ(directory_.Read("a"), "old");
    return checked == "bad" ? absl::DataLossError("it is bad")
                            : absl::OkStatus();
  };
  EXPECT_THAT(Write("a", "bad", options),
              StatusIs(absl::StatusCode::kDataLoss, "it is bad"));
  EXPECT_THAT(directory_.Names(), ElementsAre("a"));
  EXPECT_EQ(directory_.Read("a"), "old");
  HOIST_EXPECT_OK(Write("a", "good", options));
  EXPECT_EQ(checked, "good");
  EXPECT_EQ(directory_.Read("a"), "good");
}

TEST_F(AtomicFileTest, KeepsPermissions) {
  const mode_t umask_before = umask(027);
  HOIST_EXPECT_OK(Write("a", "new"));
  HOIST_ASSERT_OK_AND_ASSIGN(FileStatus status,
                             files_->GetStatus(directory_.path("a")));
  EXPECT_EQ(status.permissions, 0640u);
  // More than the umask would allow, and less.
  for (const uint32_t permissions : {0666u, 0600u}) {
    HOIST_ASSERT_OK(files_->SetPermissions(directory_.path("a"), permissions));
    HOIST_EXPECT_OK(Write("a", "newer", {.overwrite = true}));
    HOIST_ASSERT_OK_AND_ASSIGN(status, files_->GetStatus(directory_.path("a")));
    EXPECT_EQ(status.permissions, permissions);
  }
  umask(umask_before);
}

TEST_F(AtomicFileTest, FollowsLinks) {
  directory_.Write("real/a", "old");
  ASSERT_EQ(symlink("real/b", directory_.path("to_b").c_str()), 0);
  ASSERT_EQ(symlink("to_b", directory_.path("link").c_str()), 0);
  ASSERT_EQ(symlink(directory_.path("real/a").c_str(),
                    directory_.path("absolute").c_str()),
            0);
  HOIST_EXPECT_OK(Write("link", "b"));  // leads to nothing yet
  EXPECT_EQ(directory_.Read("real/b"), "b");
  HOIST_EXPECT_OK(Write("absolute", "a", {.overwrite = true}));
  EXPECT_EQ(directory_.Read("real/a"), "a");
  EXPECT_THAT(directory_.Names(),
              ElementsAre("absolute", "link", "real", "to_b"));
  EXPECT_THAT(directory_.Names("real"), ElementsAre("a", "b"));
  ASSERT_EQ(symlink("circle", directory_.path("circle").c_str()), 0);
  EXPECT_THAT(Write("circle", "a"), StatusIs(absl::StatusCode::kInvalidArgument,
                                             HasSubstr("too many links")));
}

TEST_F(AtomicFileTest, ReplacesOnlyFiles) {
  directory_.Write("d/a", "old");
  EXPECT_THAT(
      Write("d", "new", {.overwrite = true}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is no file")));
  EXPECT_EQ(directory_.Read("d/a"), "old");
  EXPECT_THAT(AtomicFile::Create(*files_, "/dev/null", {.overwrite = true}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  for (const char* path : {"", "/", "..", "a/."}) {
    EXPECT_THAT(AtomicFile::Create(*files_, path, {}),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << path;
  }
  EXPECT_THAT(Write("none/a", "new"), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(AtomicFileTest, LooksForSpaceFirst) {
  directory_.Write("a", "old");
  EXPECT_THAT(
      Create("a", {.overwrite = true, .expected_bytes = uint64_t{1} << 50}),
      StatusIs(absl::StatusCode::kResourceExhausted,
               AllOf(HasSubstr(directory_.path("a")),
                     HasSubstr("takes 1125899906842624 bytes"))));
  EXPECT_THAT(directory_.Names(), ElementsAre("a"));
}

// The number of a process that is gone.
pid_t ProcessThatIsGone() {
  const pid_t process = fork();
  if (process == 0) {
    _exit(0);
  }
  EXPECT_EQ(waitpid(process, nullptr, 0), process);
  return process;
}

TEST_F(AtomicFileTest, RemovesWhatKilledWritersOfThePathHaveLeft) {
  const pid_t gone = ProcessThatIsGone();
  const std::string leftover = absl::StrCat(".a.hoist-", gone, "-12ab.tmp");
  const std::vector<std::string> others = {
      absl::StrCat(".a.hoist-", getpid(), "-12ab.tmp"),  // still written
      absl::StrCat(".a.hoist-", gone, "-xyz.tmp"),
      absl::StrCat(".a.hoist-", gone, ".tmp"),
      absl::StrCat(".a.hoist-", gone, "-12ab"),
      ".a.hoist--1-12ab.tmp",
      absl::StrCat(".b.hoist-", gone, "-12ab.tmp"),
      absl::StrCat("a.hoist-", gone, "-12ab.tmp"),
  };
  directory_.Write(leftover, "half");
  directory_.Write(absl::StrCat(".a.hoist-", gone, "-99.tmp/x"), "half");
  for (const std::string& name : others) {
    directory_.Write(name, "not to be removed");
  }
  HOIST_EXPECT_OK(Write("a", "new"));
  std::vector<std::string> expected = others;
  expected.push_back("a");
  EXPECT_THAT(directory_.Names(),
              ::testing::UnorderedElementsAreArray(expected));
}

TEST_F(AtomicFileTest, RemovesALinkAmongLeftoversAndNotWhereItLeads) {
  directory_.Write("precious/a", "kept");
  const std::string link = directory_.path(
      absl::StrCat(".a.hoist-", ProcessThatIsGone(), "-12ab.tmp"));
  ASSERT_EQ(symlink("precious", link.c_str()), 0);
  HOIST_EXPECT_OK(Write("a", "new"));
  EXPECT_THAT(directory_.Names(), ElementsAre("a", "precious"));
  EXPECT_EQ(directory_.Read("precious/a"), "kept");
}

}  // namespace
}  // namespace hoist
