#include "hoist/core/io/atomic_directory.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/io/posix_file_system.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_directory.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;

absl::Span<const uint8_t> Bytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

class SomeCalls : public FileCalls {
 public:
  int Exchange(const char* a, const char* b) override {
    if (!can_exchange) {
      errno = EINVAL;
      return -1;
    }
    return FileCalls::Exchange(a, b);
  }
  int Rename(const char* from, const char* to) override {
    if (absl::EndsWith(from, ".tmp") && !can_rename_new) {
      errno = EIO;
      return -1;
    }
    return FileCalls::Rename(from, to);
  }
  int Fsync(int descriptor) override {
    if (--fsyncs_until_error == 0) {
      errno = EIO;
      return -1;
    }
    return FileCalls::Fsync(descriptor);
  }

  bool can_exchange = true;
  bool can_rename_new = true;
  int fsyncs_until_error = 0;  // 1: the next fails; 0: none
};

class AtomicDirectoryTest : public ::testing::TestWithParam<bool> {
 protected:
  AtomicDirectoryTest() { calls_.can_exchange = GetParam(); }

  absl::StatusOr<std::unique_ptr<AtomicDirectory>> Create(
      const PublishOptions& options = {}) {
    return AtomicDirectory::Create(files_, directory_.path("d"), options);
  }
  // One with two files.
  absl::Status Write(const std::string& content,
                     const PublishOptions& options = {}) {
    auto directory = Create(options);
    if (!directory.ok()) {
      return directory.status();
    }
    for (const char* name : {"x", "y"}) {
      auto file = (*directory)->CreateFile(name, content.size());
      if (!file.ok()) {
        return file.status();
      }
      if (auto status = (*file)->WriteAt(0, Bytes(content)); !status.ok()) {
        return status;
      }
      if (auto status = (*file)->Sync(); !status.ok()) {
        return status;
      }
    }
    return (*directory)->Publish();
  }
  uint32_t PermissionsOf(const std::string& name) {
    const auto status = files_.GetStatus(directory_.path(name));
    EXPECT_TRUE(status.ok()) << status.status();
    return status->permissions;
  }

  TempDirectory directory_;
  SomeCalls calls_;
  PosixFileSystem files_{calls_};
};

TEST_P(AtomicDirectoryTest, AppearsWhenItIsPublished) {
  HOIST_ASSERT_OK_AND_ASSIGN(auto directory, Create());
  HOIST_ASSERT_OK_AND_ASSIGN(auto file, directory->CreateFile("x", 3));
  HOIST_ASSERT_OK(file->WriteAt(0, Bytes("new")));
  HOIST_ASSERT_OK(file->Sync());
  EXPECT_THAT(directory_.Names(),
              ElementsAre(MatchesRegex(absl::StrCat("\\.d\\.hoist-", getpid(),
                                                    "-[0-9a-f]+\\.tmp"))));
  file = nullptr;
  HOIST_ASSERT_OK(directory->Publish());
  directory = nullptr;
  EXPECT_THAT(directory_.Names(), ElementsAre("d"));
  EXPECT_THAT(directory_.Names("d"), ElementsAre("x"));
  EXPECT_EQ(directory_.Read("d/x"), "new");
}

TEST_P(AtomicDirectoryTest, LeavesNothingBehindIfItIsGivenUp) {
  directory_.Write("d/a", "old");
  {
    HOIST_ASSERT_OK_AND_ASSIGN(const auto directory,
                               Create({.overwrite = true}));
    HOIST_ASSERT_OK(directory->CreateFile("x", 3).status());
  }
  EXPECT_THAT(directory_.Names(), ElementsAre("d"));
  EXPECT_THAT(directory_.Names("d"), ElementsAre("a"));
}

TEST_P(AtomicDirectoryTest, ReplacesOnlyIfAskedTo) {
  directory_.Write("d/a", "old");
  EXPECT_THAT(Write("new"), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_EQ(directory_.Read("d/a"), "old");
  HOIST_EXPECT_OK(Write("new", {.overwrite = true}));
  EXPECT_THAT(directory_.Names("d"), ElementsAre("x", "y"));
  EXPECT_EQ(directory_.Read("d/x"), "new");
  EXPECT_THAT(directory_.Names(), ElementsAre("d"));
}

TEST_P(AtomicDirectoryTest, ReplacesAFileAndWhatALinkLeadsTo) {
  directory_.Write("real", "old");
  ASSERT_EQ(symlink("real", directory_.path("d").c_str()), 0);
  HOIST_EXPECT_OK(Write("new", {.overwrite = true}));
  EXPECT_THAT(directory_.Names(), ElementsAre("d", "real"));
  EXPECT_EQ(directory_.Read("real/x"), "new");
}

TEST_P(AtomicDirectoryTest, ReplacesNoDirectoryThatHasMoreThanFiles) {
  directory_.Write("d/home/diary", "old");
  EXPECT_THAT(
      Write("new", {.overwrite = true}),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("\"home\"")));
  EXPECT_EQ(directory_.Read("d/home/diary"), "old");
  EXPECT_THAT(AtomicDirectory::Create(files_, "/dev/null", {.overwrite = true}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_P(AtomicDirectoryTest, DoesNotReplaceWhatHasAppearedMeanwhile) {
  HOIST_ASSERT_OK_AND_ASSIGN(const auto directory, Create());
  directory_.Write("d/a", "another's");
  EXPECT_THAT(directory->Publish(), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_EQ(directory_.Read("d/a"), "another's");
}

TEST_P(AtomicDirectoryTest, IsCheckedBeforeItIsSeen) {
  HOIST_ASSERT_OK(Write("old"));
  PublishOptions options = {.overwrite = true};
  options.check = [&](const std::string& path) {
    const std::string name = path.substr(path.rfind('/') + 1);
    EXPECT_EQ(directory_.Read("d/x"), "old");
    return directory_.Read(name + "/x") == "bad"
               ? absl::DataLossError("it is bad")
               : absl::OkStatus();
  };
  EXPECT_THAT(Write("bad", options),
              StatusIs(absl::StatusCode::kDataLoss, "it is bad"));
  EXPECT_THAT(directory_.Names(), ElementsAre("d"));
  EXPECT_EQ(directory_.Read("d/x"), "old");
  HOIST_EXPECT_OK(Write("good", options));
  EXPECT_EQ(directory_.Read("d/x"), "good");
}

TEST_P(AtomicDirectoryTest, KeepsPermissions) {
  const mode_t umask_before = umask(027);
  directory_.Write("d/a", "old");
  HOIST_ASSERT_OK(files_.SetPermissions(directory_.path("d/a"), 0604));
  HOIST_ASSERT_OK(files_.SetPermissions(directory_.path("d"), 0705));
  HOIST_EXPECT_OK(Write("new", {.overwrite = true}));
  EXPECT_EQ(PermissionsOf("d"), 0705u);
  EXPECT_EQ(PermissionsOf("d/x"), 0604u);
  umask(umask_before);
}

TEST_P(AtomicDirectoryTest, FilesHaveNamesInIt) {
  HOIST_ASSERT_OK_AND_ASSIGN(const auto directory, Create());
  for (const char* name : {"", ".", "..", "a/b", "/a"}) {
    EXPECT_THAT(directory->CreateFile(name, 0),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << name;
  }
  HOIST_EXPECT_OK(directory->CreateFile("a", 0).status());
  EXPECT_THAT(directory->CreateFile("a", 0),
              StatusIs(absl::StatusCode::kAlreadyExists));
}

TEST_P(AtomicDirectoryTest, LooksForSpaceFirst) {
  EXPECT_THAT(Create({.expected_bytes = uint64_t{1} << 50}),
              StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(directory_.Names(), IsEmpty());
}

TEST_P(AtomicDirectoryTest, KeepsTheOldOneIfItsDirectoryCannotBeSynced) {
  directory_.Write("d/a", "old");
  calls_.fsyncs_until_error = 4;  // of two files, their directory, its parent
  EXPECT_THAT(Write("new", {.overwrite = true}),
              StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_EQ(directory_.Read("d/x"), "new");
  const std::vector<std::string> names = directory_.Names();
  ASSERT_THAT(names, ElementsAre(::testing::StartsWith(".d.hoist-"), "d"));
  EXPECT_EQ(directory_.Read(names[0] + "/a"), "old");
}

INSTANTIATE_TEST_SUITE_P(Ways, AtomicDirectoryTest, ::testing::Bool(),
                         [](const auto& info) {
                           return info.param ? "Exchange" : "Rename";
                         });

class AtomicDirectoryByRenamesTest : public AtomicDirectoryTest {};

TEST_P(AtomicDirectoryByRenamesTest, PutsTheOldOneBackIfTheNewOneCannotBe) {
  directory_.Write("d/a", "old");
  calls_.can_rename_new = false;
  EXPECT_THAT(Write("new", {.overwrite = true}),
              StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(directory_.Names(), ElementsAre("d"));
  EXPECT_EQ(directory_.Read("d/a"), "old");
}

TEST_P(AtomicDirectoryByRenamesTest, PutsBackWhatAKilledWriterHasMoved) {
  const pid_t gone = fork();
  if (gone == 0) {
    _exit(0);
  }
  ASSERT_EQ(waitpid(gone, nullptr, 0), gone);
  directory_.Write(absl::StrCat(".d.hoist-", gone, "-1.old/a"), "old");
  directory_.Write(absl::StrCat(".d.hoist-", gone, "-2.tmp/x"), "half");
  EXPECT_THAT(Write("new"), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(directory_.Names(), ElementsAre("d"));
  EXPECT_EQ(directory_.Read("d/a"), "old");
  // Once it has been replaced it is a leftover.
  directory_.Write(absl::StrCat(".d.hoist-", gone, "-3.old/a"), "older");
  EXPECT_THAT(Write("new"), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(directory_.Names(), ElementsAre("d"));
  EXPECT_EQ(directory_.Read("d/a"), "old");
}

INSTANTIATE_TEST_SUITE_P(Ways, AtomicDirectoryByRenamesTest,
                         ::testing::Values(false));

}  // namespace
}  // namespace hoist
