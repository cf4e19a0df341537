#include "hoist/core/io/testing/faulty_disk.h"

#include <unistd.h>

#include <cerrno>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/io/posix_file_system.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_directory.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;

absl::Span<const uint8_t> Bytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

class FaultyDiskTest : public ::testing::Test {
 protected:
  FaultyDiskTest() {
    directory_.Write("old", "old");
    disk_ = std::make_unique<FaultyDisk>(directory_.path());
    files_ = std::make_unique<PosixFileSystem>(*disk_);
  }

  std::string Path(const std::string& name) { return directory_.path(name); }
  std::unique_ptr<OutputFile> Create(const std::string& name) {
    auto file = files_->CreateFile(Path(name), 0, 0644);
    EXPECT_TRUE(file.ok()) << file.status();
    return *std::move(file);
  }
  void SyncDirectory() {
    HOIST_EXPECT_OK(files_->SyncDirectory(directory_.path()));
  }

  TempDirectory directory_;
  std::unique_ptr<FaultyDisk> disk_;
  std::unique_ptr<FileSystem> files_;
};

TEST_F(FaultyDiskTest, LosesFilesWhoseDirectoryWasNotSynced) {
  const auto file = Create("a");
  HOIST_ASSERT_OK(file->WriteAt(0, Bytes("new")));
  HOIST_ASSERT_OK(file->Sync());
  EXPECT_THAT(directory_.Names(), ElementsAre("a", "old"));
  disk_->Restart(Unsynced::kDropped);
  EXPECT_THAT(directory_.Names(), ElementsAre("old"));
  EXPECT_EQ(directory_.Read("old"), "old");
}

TEST_F(FaultyDiskTest, LosesBytesThatWereNotSynced) {
  const auto file = Create("a");
  HOIST_ASSERT_OK(file->WriteAt(0, Bytes("123")));
  HOIST_ASSERT_OK(file->Sync());
  SyncDirectory();
  HOIST_ASSERT_OK(file->WriteAt(1, Bytes("abc")));
  EXPECT_EQ(directory_.Read("a"), "1abc");
  disk_->Restart(Unsynced::kDropped);
  EXPECT_EQ(directory_.Read("a"), "123");
}

TEST_F(FaultyDiskTest, ASyncedNameHasNoBytesByThat) {
  const auto file = Create("a");
  HOIST_ASSERT_OK(file->WriteAt(0, Bytes("123")));
  SyncDirectory();
  disk_->Restart(Unsynced::kDropped);
  EXPECT_THAT(directory_.Names(), ElementsAre("a", "old"));
  EXPECT_EQ(directory_.Read("a"), "");
}

TEST_F(FaultyDiskTest, KeepsEverythingWhereOnlyTheProcessEnded) {
  HOIST_ASSERT_OK(Create("a")->WriteAt(0, Bytes("123")));
  HOIST_ASSERT_OK(files_->Rename(Path("a"), Path("old")));
  HOIST_ASSERT_OK(files_->CreateDirectory(Path("d")));
  HOIST_ASSERT_OK(files_->SetPermissions(Path("old"), 0600));
  disk_->Restart(Unsynced::kKept);
  EXPECT_THAT(directory_.Names(), ElementsAre("d", "old"));
  EXPECT_EQ(directory_.Read("old"), "123");
  HOIST_ASSERT_OK_AND_ASSIGN(const FileStatus status,
                             files_->GetStatus(Path("old")));
  EXPECT_EQ(status.permissions, 0600u);
}

TEST_F(FaultyDiskTest, UndoesRenamesExchangesAndRemovals) {
  Create("a");
  HOIST_ASSERT_OK(files_->CreateDirectory(Path("d")));
  Create("d/x");
  HOIST_ASSERT_OK(files_->SyncDirectory(Path("d")));
  SyncDirectory();
  HOIST_ASSERT_OK(files_->Rename(Path("a"), Path("b")));
  HOIST_ASSERT_OK(files_->Exchange(Path("d"), Path("old")));
  HOIST_ASSERT_OK(files_->RemoveFile(Path("d")));
  HOIST_ASSERT_OK(files_->RemoveFile(Path("old/x")));
  HOIST_ASSERT_OK(files_->RemoveDirectory(Path("old")));
  EXPECT_THAT(directory_.Names(), ElementsAre("b"));
  disk_->Restart(Unsynced::kDropped);
  EXPECT_THAT(directory_.Names(), ElementsAre("a", "d", "old"));
  EXPECT_THAT(directory_.Names("d"), ElementsAre("x"));
  EXPECT_EQ(directory_.Read("old"), "old");
}

TEST_F(FaultyDiskTest, KeepsLinksAndPermissions) {
  ASSERT_EQ(symlink("old", Path("link").c_str()), 0);
  HOIST_ASSERT_OK(files_->SetPermissions(Path("old"), 0640));
  disk_ = std::make_unique<FaultyDisk>(directory_.path());
  files_ = std::make_unique<PosixFileSystem>(*disk_);
  HOIST_ASSERT_OK(files_->SetPermissions(Path("old"), 0600));
  disk_->Restart(Unsynced::kDropped);
  HOIST_ASSERT_OK_AND_ASSIGN(const FileStatus status,
                             files_->GetStatus(Path("old")));
  EXPECT_EQ(status.permissions, 0640u);
  HOIST_ASSERT_OK_AND_ASSIGN(const std::string target,
                             files_->ReadLink(Path("link")));
  EXPECT_EQ(target, "old");
}

TEST_F(FaultyDiskTest, KeepsSomeOfWhatWasNotSyncedByTheSeed) {
  std::set<std::string> contents;
  std::set<std::vector<std::string>> names;
  std::vector<std::string> by_seed[2];
  for (int round = 0; round < 2; ++round) {
    for (uint64_t seed = 0; seed < 40; ++seed) {
      const TempDirectory directory = TempDirectory::InMemory();
      FaultyDisk disk(directory.path());
      PosixFileSystem files(disk);
      {
        auto file = files.CreateFile(directory.path("synced"), 0, 0600);
        HOIST_ASSERT_OK(files.SyncDirectory(directory.path()));
        HOIST_ASSERT_OK((*file)->WriteAt(0, Bytes(std::string(8192, 'x'))));
      }
      for (const char* name : {"a", "b"}) {
        HOIST_ASSERT_OK(
            files.CreateFile(directory.path(name), 0, 0600).status());
      }
      disk.Restart(Unsynced::kSome, seed);
      contents.insert(directory.Read("synced"));
      names.insert(directory.Names());
      by_seed[round].push_back(
          absl::StrCat(directory.Read("synced"), directory.Names().size()));
    }
  }
  const std::string zeros(4096, '\0');
  const std::string page(4096, 'x');
  EXPECT_THAT(contents, ::testing::UnorderedElementsAre("", page, page + page,
                                                        zeros + page));
  using Names = std::vector<std::string>;
  EXPECT_THAT(names, ::testing::UnorderedElementsAre(
                         Names{"synced"}, Names{"a", "synced"},
                         Names{"b", "synced"}, Names{"a", "b", "synced"}));
  EXPECT_EQ(by_seed[0], by_seed[1]);
}

TEST_F(FaultyDiskTest, FailsTheCallOfThatNumberAndNoOther) {
  disk_->CountFromZero();
  disk_->FailCall(1, EIO);
  HOIST_EXPECT_OK(files_->CreateDirectory(Path("a")));
  EXPECT_THAT(files_->CreateDirectory(Path("b")),
              StatusIs(absl::StatusCode::kDataLoss));
  HOIST_EXPECT_OK(files_->CreateDirectory(Path("c")));
  EXPECT_EQ(disk_->call_count(), 3);
  EXPECT_THAT(directory_.Names(), ElementsAre("a", "c", "old"));
}

TEST_F(FaultyDiskTest, NothingHappensAfterTheMachineHasStopped) {
  disk_->CountFromZero();
  disk_->StopAfter(1);
  HOIST_EXPECT_OK(files_->CreateDirectory(Path("a")));
  EXPECT_FALSE(disk_->has_stopped());
  EXPECT_THAT(files_->CreateDirectory(Path("b")),
              StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_TRUE(disk_->has_stopped());
  EXPECT_FALSE(files_->RemoveDirectory(Path("a")).ok());
  EXPECT_FALSE(files_->GetStatus(Path("a")).ok());
  EXPECT_THAT(directory_.Names(), ElementsAre("a", "old"));
  disk_->Restart(Unsynced::kKept);
  EXPECT_FALSE(disk_->has_stopped());
  HOIST_EXPECT_OK(files_->RemoveDirectory(Path("a")));
}

TEST_F(FaultyDiskTest, WhatWasOpenIsGoneAfterARestart) {
  const auto file = Create("a");
  const int64_t process = files_->ProcessId();
  EXPECT_TRUE(files_->IsProcessAlive(process));
  disk_->Restart(Unsynced::kKept);
  EXPECT_FALSE(file->WriteAt(0, Bytes("late")).ok());
  EXPECT_FALSE(file->Sync().ok());
  EXPECT_EQ(directory_.Read("a"), "");
  EXPECT_FALSE(files_->IsProcessAlive(process));
  EXPECT_TRUE(files_->IsProcessAlive(files_->ProcessId()));
  EXPECT_TRUE(files_->IsProcessAlive(getpid()));
}

TEST_F(FaultyDiskTest, HasRoomForSoManyBytes) {
  disk_->LimitBytes(13);  // of which "old" has 3
  HOIST_ASSERT_OK_AND_ASSIGN(const uint64_t free_bytes,
                             files_->FreeBytes(directory_.path()));
  EXPECT_EQ(free_bytes, 10u);
  EXPECT_THAT(files_->CreateFile(Path("b"), 11, 0600),
              StatusIs(absl::StatusCode::kResourceExhausted));
  const auto file = Create("a");
  HOIST_EXPECT_OK(file->WriteAt(0, Bytes("12345678")));
  HOIST_EXPECT_OK(file->WriteAt(2, Bytes("12345678")));
  EXPECT_THAT(file->WriteAt(5, Bytes("abcdefgh")),
              StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(directory_.Read("a"), "12123abcde");
  HOIST_EXPECT_OK(files_->RemoveFile(Path("old")));
  HOIST_EXPECT_OK(file->WriteAt(10, Bytes("xyz")));
}

TEST_F(FaultyDiskTest, InterruptsCallsAndWritesLess) {
  disk_->InterruptCalls(1);
  const std::string content(100000, 'x');
  const auto file = Create("a");
  disk_->CountFromZero();
  HOIST_EXPECT_OK(file->WriteAt(0, Bytes(content)));
  EXPECT_GT(disk_->call_count(), 3);
  EXPECT_EQ(directory_.Read("a"), content);
}

TEST_F(FaultyDiskTest, ForbidsExchange) {
  Create("a");
  disk_->ForbidExchange();
  EXPECT_THAT(files_->Exchange(Path("a"), Path("old")),
              StatusIs(absl::StatusCode::kUnimplemented));
  EXPECT_EQ(directory_.Read("old"), "old");
}

TEST_F(FaultyDiskTest, KnowsOnlyWhatIsUnderItsRoot) {
  const TempDirectory other;
  other.Write("b", "B");
  HOIST_ASSERT_OK(files_->CreateFile(other.path("a"), 0, 0600).status());
  HOIST_ASSERT_OK(files_->RemoveFile(other.path("b")));
  HOIST_ASSERT_OK(files_->SyncDirectory(other.path()));
  disk_->Restart(Unsynced::kDropped);
  EXPECT_THAT(other.Names(), ElementsAre("a"));
}

}  // namespace
}  // namespace hoist
