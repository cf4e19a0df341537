// What AtomicFile and AtomicDirectory promise, whatever goes wrong: with every
// call failing in turn, with the disk full, and with the machine stopped after
// every call.

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/io/atomic_directory.h"
#include "hoist/core/io/atomic_file.h"
#include "hoist/core/io/posix_file_system.h"
#include "hoist/core/io/testing/faulty_disk.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_directory.h"

namespace hoist {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;

// Larger than a page, which is what survives by itself.
constexpr size_t kFileBytes = 20000;

absl::Status Write(OutputFile& file, char content) {
  const std::vector<uint8_t> bytes(kFileBytes, static_cast<uint8_t>(content));
  HOIST_RETURN_IF_ERROR(
      file.WriteAt(0, absl::MakeConstSpan(bytes).subspan(0, 100)));
  return file.WriteAt(100, absl::MakeConstSpan(bytes).subspan(100));
}

absl::Status PublishFile(FileSystem& files, const std::string& path,
                         char content) {
  HOIST_ASSIGN_OR_RETURN(
      const auto file,
      AtomicFile::Create(files, path,
                         {.overwrite = true, .expected_bytes = kFileBytes}));
  HOIST_RETURN_IF_ERROR(Write(file->file(), content));
  return file->Publish();
}

absl::Status PublishDirectory(FileSystem& files, const std::string& path,
                              char content) {
  HOIST_ASSIGN_OR_RETURN(
      const auto directory,
      AtomicDirectory::Create(
          files, path, {.overwrite = true, .expected_bytes = 2 * kFileBytes}));
  for (const char* name : {"x", "y"}) {
    HOIST_ASSIGN_OR_RETURN(const auto file,
                           directory->CreateFile(name, kFileBytes));
    HOIST_RETURN_IF_ERROR(Write(*file, content));
    HOIST_RETURN_IF_ERROR(file->Sync());
  }
  return directory->Publish();
}

struct Way {
  const char* name;
  std::function<absl::Status(FileSystem&, const std::string&, char)> publish;
  bool is_directory = false;
  bool can_exchange = true;
  bool has_old = true;
};

class PublishFaultsTest : public ::testing::TestWithParam<Way> {
 protected:
  PublishFaultsTest() {
    if (GetParam().has_old) {
      HOIST_EXPECT_OK(GetParam().publish(*NewPosixFileSystem(), Path(), 'o'));
    }
    NewDisk();
  }

  void NewDisk() {
    disk_ = std::make_unique<FaultyDisk>(directory_.path());
    files_ = std::make_unique<PosixFileSystem>(*disk_);
    if (!GetParam().can_exchange) {
      disk_->ForbidExchange();
    }
  }
  std::string Path() const { return directory_.path("p"); }
  absl::Status Publish() { return GetParam().publish(*files_, Path(), 'n'); }

  // 'o', 'n', 0 if there is nothing, '?' for all else.
  char WhatIsThere() const {
    const std::vector<std::string> names = directory_.Names();
    if (std::find(names.begin(), names.end(), "p") == names.end()) {
      return 0;
    }
    if (!GetParam().is_directory) {
      return Content("p");
    }
    if (directory_.Names("p") != std::vector<std::string>{"x", "y"}) {
      return '?';
    }
    const char x = Content("p/x");
    return x == Content("p/y") ? x : '?';
  }
  char Content(const std::string& name) const {
    const std::string content = directory_.Read(name);
    for (const char c : {'o', 'n'}) {
      if (content == std::string(kFileBytes, c)) {
        return c;
      }
    }
    return '?';
  }
  char Old() const { return GetParam().has_old ? 'o' : 0; }

  // Brings it back to what it was before Publish().
  void Reset() {
    if (WhatIsThere() != Old()) {
      std::filesystem::remove_all(Path());
      if (GetParam().has_old) {
        HOIST_ASSERT_OK(GetParam().publish(*NewPosixFileSystem(), Path(), 'o'));
      }
    }
    NewDisk();
  }

  const TempDirectory directory_ = TempDirectory::InMemory();
  std::unique_ptr<FaultyDisk> disk_;
  std::unique_ptr<FileSystem> files_;
};

TEST_P(PublishFaultsTest, WithoutFaultsTheNewIsOnTheDisk) {
  HOIST_ASSERT_OK(Publish());
  EXPECT_EQ(WhatIsThere(), 'n');
  disk_->Restart(Unsynced::kDropped);
  EXPECT_EQ(WhatIsThere(), 'n');
}

TEST_P(PublishFaultsTest, EveryCallFailsInTurn) {
  HOIST_ASSERT_OK(Publish());
  const int64_t calls = disk_->call_count();
  ASSERT_GT(calls, 10);
  int failures = 0;
  for (const int error : {EIO, ENOSPC, EACCES}) {
    for (int64_t n = 0; n < calls; ++n) {
      Reset();
      disk_->FailCall(n, error);
      const absl::Status status = Publish();
      const char there = WhatIsThere();
      if (status.ok()) {
        ASSERT_EQ(there, 'n') << n;
      } else {
        ++failures;
        // The new one if only the directory's sync has failed.
        ASSERT_THAT(there, AnyOf(Old(), 'n')) << n << status;
        if (there == Old()) {
          ASSERT_LE(directory_.Names().size(), Old() == 0 ? 0u : 1u)
              << n << status;
        }
      }
      // And the next one, by another process, is as good as any.
      disk_->Restart(Unsynced::kKept);
      HOIST_ASSERT_OK(Publish());
      ASSERT_EQ(WhatIsThere(), 'n') << n;
      ASSERT_THAT(directory_.Names(), ElementsAre("p")) << n;
    }
  }
  EXPECT_GT(failures, calls);
}

TEST_P(PublishFaultsTest, TheMachineStopsAfterEveryCall) {
  HOIST_ASSERT_OK(Publish());
  const int64_t calls = disk_->call_count();
  int olds = 0;
  int news = 0;
  for (int64_t n = 0; n <= calls; ++n) {
    for (uint64_t seed = 0; seed < 6; ++seed) {
      Reset();
      disk_->StopAfter(n);
      const absl::Status status = Publish();
      // What comes after the new one is on the disk may be left undone.
      ASSERT_TRUE(status.ok() || disk_->has_stopped()) << n << status;
      disk_->Restart(seed == 0   ? Unsynced::kDropped
                     : seed == 1 ? Unsynced::kKept
                                 : Unsynced::kSome,
                     seed);
      if (!GetParam().can_exchange && WhatIsThere() == 0) {
        // The old one is beside it, and the next to come puts it back.
        EXPECT_THAT(AtomicDirectory::Create(*files_, Path(), {}),
                    StatusIs(absl::StatusCode::kAlreadyExists));
      }
      const char there = WhatIsThere();
      ASSERT_THAT(there, AnyOf(Old(), 'n')) << n << " seed " << seed;
      ASSERT_TRUE(!status.ok() || there == 'n') << n << " seed " << seed;
      ++(there == 'n' ? news : olds);
      HOIST_ASSERT_OK(Publish());
      ASSERT_EQ(WhatIsThere(), 'n');
      ASSERT_THAT(directory_.Names(), ElementsAre("p"))
          << n << " seed " << seed;
    }
  }
  EXPECT_GT(olds, calls);
  EXPECT_GT(news, 6);
}

TEST_P(PublishFaultsTest, InterruptedCallsAndShortWrites) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Reset();
    disk_->InterruptCalls(seed);
    HOIST_ASSERT_OK(Publish());
    ASSERT_THAT(directory_.Names(), ElementsAre("p"));
    disk_->Restart(Unsynced::kDropped);
    ASSERT_EQ(WhatIsThere(), 'n');
  }
}

TEST_P(PublishFaultsTest, TheDiskIsFull) {
  const uint64_t files = GetParam().is_directory ? 2 : 1;
  const uint64_t before = GetParam().has_old ? files * kFileBytes : 0;
  for (uint64_t room = 0; room < files * kFileBytes; room += 1500) {
    disk_->LimitBytes(before + room);
    EXPECT_THAT(Publish(), StatusIs(absl::StatusCode::kResourceExhausted));
    ASSERT_EQ(WhatIsThere(), Old());
    ASSERT_LE(directory_.Names().size(), Old() == 0 ? 0u : 1u);
  }
  disk_->LimitBytes(before + files * kFileBytes);
  HOIST_EXPECT_OK(Publish());
}

INSTANTIATE_TEST_SUITE_P(
    Ways, PublishFaultsTest,
    ::testing::Values(
        Way{"File", PublishFile},
        Way{.name = "NewFile", .publish = PublishFile, .has_old = false},
        Way{"Directory", PublishDirectory, true},
        Way{.name = "NewDirectory",
            .publish = PublishDirectory,
            .is_directory = true,
            .has_old = false},
        Way{.name = "DirectoryByRenames",
            .publish = PublishDirectory,
            .is_directory = true,
            .can_exchange = false}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace hoist
