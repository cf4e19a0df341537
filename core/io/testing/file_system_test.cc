// What a FileSystem does, whatever is below it.

#include "hoist/core/io/file_system.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/io/posix_file_system.h"
#include "hoist/core/io/testing/aligned_memory.h"
#include "hoist/core/io/testing/faulty_disk.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_directory.h"

namespace hoist {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::Span<const uint8_t> Bytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

enum class Below { kSystem, kDisk, kInterruptedDisk };

class FileSystemTest : public ::testing::TestWithParam<Below> {
 protected:
  FileSystemTest() {
    if (GetParam() == Below::kSystem) {
      files_ = NewPosixFileSystem();
      return;
    }
    disk_ = std::make_unique<FaultyDisk>(directory_.path());
    if (GetParam() == Below::kInterruptedDisk) {
      disk_->InterruptCalls(1);
    }
    files_ = std::make_unique<PosixFileSystem>(*disk_);
  }

  std::unique_ptr<OutputFile> Create(const std::string& name,
                                     uint64_t expected_bytes = 0) {
    auto file = files_->CreateFile(directory_.path(name), expected_bytes, 0644);
    EXPECT_TRUE(file.ok()) << file.status();
    return *std::move(file);
  }

  TempDirectory directory_;
  std::unique_ptr<FaultyDisk> disk_;
  std::unique_ptr<FileSystem> files_;
};

TEST_P(FileSystemTest, WritesWhatIsAlignedAndWhatIsNot) {
  const AlignedMemory memory(1 << 20);
  const auto file = Create("a", memory.bytes().size() + 3);
  HOIST_ASSERT_OK(file->WriteAt(memory.bytes().size(), Bytes("abc")));
  HOIST_ASSERT_OK(file->WriteAt(0, memory.bytes()));
  HOIST_ASSERT_OK(file->WriteAt(5, Bytes("de")));
  HOIST_ASSERT_OK(file->Sync());
  EXPECT_EQ(directory_.Read("a"), memory.text().replace(5, 2, "de") + "abc");
}

TEST_P(FileSystemTest, CreatesNoFileWhereSomethingIs) {
  HOIST_ASSERT_OK(Create("a")->WriteAt(0, Bytes("there before")));
  EXPECT_THAT(files_->CreateFile(directory_.path("a"), 0, 0644),
              StatusIs(absl::StatusCode::kAlreadyExists,
                       HasSubstr(directory_.path("a"))));
  EXPECT_EQ(directory_.Read("a"), "there before");
  EXPECT_THAT(files_->CreateFile(directory_.path("no/a"), 0, 0644),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_P(FileSystemTest, ThreadsWriteOneFile) {
  const AlignedMemory memory(64 * 4096);
  auto file = Create("a", memory.bytes().size() + 10);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (size_t page = i; page < 64; page += 4) {
        EXPECT_TRUE(file->WriteAt(page * 4096,
                                  memory.bytes().subspan(page * 4096, 4096))
                        .ok());
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  HOIST_ASSERT_OK(file->Sync());
  EXPECT_EQ(directory_.Read("a"), memory.text());
}

TEST_P(FileSystemTest, RenamesAndRemoves) {
  HOIST_ASSERT_OK(Create("a")->WriteAt(0, Bytes("A")));
  HOIST_ASSERT_OK(Create("b")->WriteAt(0, Bytes("B")));
  HOIST_EXPECT_OK(files_->Rename(directory_.path("a"), directory_.path("b")));
  EXPECT_THAT(directory_.Names(), ElementsAre("b"));
  EXPECT_EQ(directory_.Read("b"), "A");
  EXPECT_THAT(files_->Rename(directory_.path("a"), directory_.path("b")),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr(directory_.path("a")),
                             HasSubstr(directory_.path("b")))));
  HOIST_EXPECT_OK(files_->RemoveFile(directory_.path("b")));
  EXPECT_THAT(files_->RemoveFile(directory_.path("b")),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_P(FileSystemTest, SaysWhatIsThere) {
  HOIST_ASSERT_OK(Create("a")->WriteAt(0, Bytes("12345")));
  const std::string path = directory_.path("a");
  HOIST_ASSERT_OK(files_->SetPermissions(path, 0640));
  HOIST_ASSERT_OK_AND_ASSIGN(FileStatus status, files_->GetStatus(path));
  EXPECT_EQ(status.kind, FileStatus::Kind::kFile);
  EXPECT_EQ(status.size_bytes, 5u);
  EXPECT_EQ(status.permissions, 0640u);
  const struct timespec times[] = {{.tv_sec = 1}, {.tv_sec = 7, .tv_nsec = 5}};
  ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  HOIST_ASSERT_OK_AND_ASSIGN(status, files_->GetStatus(path));
  EXPECT_EQ(status.changed_ns, 7'000'000'005);

  HOIST_ASSERT_OK_AND_ASSIGN(status, files_->GetStatus(directory_.path()));
  EXPECT_EQ(status.kind, FileStatus::Kind::kDirectory);
  HOIST_ASSERT_OK_AND_ASSIGN(status, files_->GetStatus("/dev/null"));
  EXPECT_EQ(status.kind, FileStatus::Kind::kOther);
  EXPECT_THAT(files_->GetStatus(directory_.path("b")),
              StatusIs(absl::StatusCode::kNotFound));

  ASSERT_EQ(symlink("a", directory_.path("link").c_str()), 0);
  HOIST_ASSERT_OK_AND_ASSIGN(status,
                             files_->GetStatus(directory_.path("link")));
  EXPECT_EQ(status.size_bytes, 5u);
  HOIST_ASSERT_OK_AND_ASSIGN(const std::string target,
                             files_->ReadLink(directory_.path("link")));
  EXPECT_EQ(target, "a");
  EXPECT_THAT(files_->ReadLink(path),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(files_->ReadLink(directory_.path("b")),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_P(FileSystemTest, ReservesSpaceAndEndsWhereWhatWasWrittenEnds) {
  {
    const auto file = Create("more_expected", 100000);
    EXPECT_EQ(directory_.Read("more_expected").size(), 100000u);
    HOIST_ASSERT_OK(file->WriteAt(10, Bytes("abc")));
    HOIST_ASSERT_OK(file->Sync());
    EXPECT_EQ(directory_.Read("more_expected"), std::string(10, '\0') + "abc");
    // Once more, without any call that could fail.
    HOIST_ASSERT_OK(file->WriteAt(13, Bytes("def")));
    HOIST_ASSERT_OK(file->Sync());
    EXPECT_EQ(directory_.Read("more_expected").size(), 16u);
  }
  {
    const auto file = Create("less_expected", 2);
    HOIST_ASSERT_OK(file->WriteAt(0, Bytes("abc")));
    HOIST_ASSERT_OK(file->Sync());
  }
  EXPECT_EQ(directory_.Read("less_expected"), "abc");
  Create("never_synced", 100000);
  EXPECT_EQ(directory_.Read("never_synced"), "");
}

TEST_P(FileSystemTest, KnowsSpaceAndProcesses) {
  HOIST_ASSERT_OK_AND_ASSIGN(const uint64_t free_bytes,
                             files_->FreeBytes(directory_.path()));
  EXPECT_GT(free_bytes, 0u);
  EXPECT_LT(free_bytes, uint64_t{1} << 60);
  EXPECT_EQ(disk_ == nullptr, files_->ProcessId() == getpid());
  EXPECT_TRUE(files_->IsProcessAlive(files_->ProcessId()));
  EXPECT_TRUE(files_->IsProcessAlive(getpid()));
  EXPECT_TRUE(files_->IsProcessAlive(1));
  EXPECT_FALSE(files_->IsProcessAlive(1 << 24));  // above the kernel's limit
}

TEST_P(FileSystemTest, Exchanges) {
  HOIST_ASSERT_OK(files_->CreateDirectory(directory_.path("old")));
  HOIST_ASSERT_OK(files_->CreateDirectory(directory_.path("new")));
  HOIST_ASSERT_OK(Create("old/a")->WriteAt(0, Bytes("A")));
  HOIST_ASSERT_OK(Create("new/b")->WriteAt(0, Bytes("B")));
  const std::string old = directory_.path("old");
  const std::string replacement = directory_.path("new");
  HOIST_EXPECT_OK(files_->Exchange(old, replacement));
  EXPECT_EQ(directory_.Read("old/b"), "B");
  EXPECT_EQ(directory_.Read("new/a"), "A");
  EXPECT_THAT(files_->Exchange(old, directory_.path("none")),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_P(FileSystemTest, MakesListsSyncsAndRemovesDirectories) {
  const std::string path = directory_.path("d");
  HOIST_EXPECT_OK(files_->CreateDirectory(path));
  EXPECT_THAT(files_->CreateDirectory(path),
              StatusIs(absl::StatusCode::kAlreadyExists));
  HOIST_ASSERT_OK(Create("d/b")->WriteAt(0, Bytes("")));
  HOIST_ASSERT_OK(Create("d/a")->WriteAt(0, Bytes("")));
  HOIST_ASSERT_OK(Create("d/.hidden")->WriteAt(0, Bytes("")));
  HOIST_ASSERT_OK_AND_ASSIGN(const auto names, files_->ListDirectory(path));
  EXPECT_THAT(names, ElementsAre(".hidden", "a", "b"));
  HOIST_EXPECT_OK(files_->SyncDirectory(path));
  EXPECT_THAT(files_->RemoveDirectory(path),
              StatusIs(absl::StatusCode::kAlreadyExists));
  for (const std::string& name : names) {
    HOIST_EXPECT_OK(files_->RemoveFile(path + "/" + name));
  }
  HOIST_EXPECT_OK(files_->RemoveDirectory(path));
  EXPECT_THAT(files_->ListDirectory(path),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(files_->SyncDirectory(path),
              StatusIs(absl::StatusCode::kNotFound));
}

INSTANTIATE_TEST_SUITE_P(Below, FileSystemTest,
                         ::testing::Values(Below::kSystem, Below::kDisk,
                                           Below::kInterruptedDisk),
                         [](const auto& info) {
                           switch (info.param) {
                             case Below::kSystem:
                               return "System";
                             case Below::kDisk:
                               return "Disk";
                             case Below::kInterruptedDisk:
                               return "InterruptedDisk";
                           }
                           return "";
                         });

}  // namespace
}  // namespace hoist
