// What WriteCheckpoint() promises, whatever goes wrong: with every call of the
// file system failing in turn, with the disk full, and with the machine stopped
// after every call, the checkpoint that was there is there bit for bit, or the
// new one is.

#include <cerrno>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/convert/compare_tensors.h"
#include "hoist/checkpoint/testing/small_checkpoint.h"
#include "hoist/checkpoint/write/write_checkpoint.h"
#include "hoist/core/io/posix_file_system.h"
#include "hoist/core/io/testing/faulty_disk.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_directory.h"
#include "hoist/core/thread/thread_pool.h"

namespace hoist {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uint64_t kShardBytes = 2 * kSmallTensorBytes;

enum class There { kNothing, kOld, kNew, kDamaged };

struct Way {
  const char* test_name;
  const char* name;  // of what is written
  WriteOptions options;
  bool has_old = true;
  int threads = 0;  // besides the caller's
};

class WriteFaultsTest : public ::testing::TestWithParam<Way> {
 protected:
  // By name in the directory.
  using Files = std::map<std::string, std::string>;

  WriteFaultsTest() {
    NewDisk();
    old_files_ = Written(old_);
    new_files_ = Written(new_);
    EXPECT_NE(old_files_, new_files_);
    Reset();
  }

  static std::string Name() { return GetParam().name; }
  std::string Path() const { return directory_.path(Name()); }
  static There Old() {
    return GetParam().has_old ? There::kOld : There::kNothing;
  }

  void NewDisk() {
    disk_ = std::make_unique<FaultyDisk>(directory_.path());
    file_system_ = std::make_unique<PosixFileSystem>(*disk_);
  }

  absl::Status Write(const TensorCatalog& checkpoint) {
    WriteOptions options = GetParam().options;
    options.overwrite = true;
    options.pool = pool_.get();
    return WriteCheckpoint(checkpoint.catalog, checkpoint.files, *file_system_,
                           Path(), options)
        .status();
  }
  absl::Status Write() { return Write(new_); }

  // What is there after it is written with nothing going wrong.
  Files Written(const TensorCatalog& checkpoint) {
    HOIST_EXPECT_OK(Write(checkpoint));
    HOIST_EXPECT_OK(CompareWith(checkpoint));
    return FilesThere();
  }

  absl::Status CompareWith(const TensorCatalog& wanted) const {
    const absl::StatusOr<Checkpoint> found = Checkpoint::Open(Path());
    if (!found.ok()) {
      return found.status();
    }
    Catalog catalog = wanted.catalog;
    if (GetParam().options.format == OutputFormat::kSafetensors) {
      // Which leaves out what is tied.
      catalog.tensors.pop_back();
    }
    return CompareTensors({catalog, wanted.files},
                          {found->catalog(), found->files()}, nullptr);
  }

  Files FilesThere() const {
    Files files;
    if (std::filesystem::is_regular_file(Path())) {
      files[Name()] = directory_.Read(Name());
    } else if (std::filesystem::exists(Path())) {
      for (const std::string& name : directory_.Names(Name())) {
        const std::string file = absl::StrCat(Name(), "/", name);
        files[file] = directory_.Read(file);
      }
    }
    return files;
  }

  There WhatIsThere() const {
    if (!std::filesystem::exists(Path())) {
      return There::kNothing;
    }
    const Files files = FilesThere();
    if (files == old_files_ && CompareWith(old_).ok()) {
      return There::kOld;
    }
    return files == new_files_ && CompareWith(new_).ok() ? There::kNew
                                                         : There::kDamaged;
  }

  // Brings it back to what it was before Write().
  void Reset() {
    for (const std::string& name : directory_.Names()) {
      std::filesystem::remove_all(directory_.path(name));
    }
    if (GetParam().has_old) {
      for (const auto& [name, content] : old_files_) {
        directory_.Write(name, content);
      }
    }
    NewDisk();
  }

  // The next write is as good as any, and removes what others have left.
  void ExpectNextWriteCleansUp() {
    HOIST_ASSERT_OK(Write());
    ASSERT_EQ(WhatIsThere(), There::kNew);
    ASSERT_THAT(directory_.Names(), ElementsAre(Name()));
  }

  void ExpectNothingChanged() const {
    ASSERT_EQ(WhatIsThere(), Old());
    if (GetParam().has_old) {
      ASSERT_THAT(directory_.Names(), ElementsAre(Name()));
    } else {
      ASSERT_THAT(directory_.Names(), IsEmpty());
    }
  }

  int64_t CountCalls() {
    HOIST_EXPECT_OK(Write());
    const int64_t calls = disk_->call_count();
    EXPECT_GT(calls, 10);
    return calls;
  }

  const TensorCatalog old_ = SmallCheckpoint(1);
  const TensorCatalog new_ = SmallCheckpoint(2);
  const TempDirectory directory_ = TempDirectory::InMemory();
  const std::unique_ptr<ThreadPool> pool_ =
      GetParam().threads == 0
          ? nullptr
          : std::make_unique<ThreadPool>(GetParam().threads);
  std::unique_ptr<FaultyDisk> disk_;
  std::unique_ptr<FileSystem> file_system_;
  Files old_files_;
  Files new_files_;
};

TEST_P(WriteFaultsTest, EveryCallFailsInTurn) {
  const int64_t calls = CountCalls();
  int failures = 0;
  int successes = 0;
  for (const int error : {EIO, ENOSPC}) {
    for (int64_t n = 0; n < calls; ++n) {
      SCOPED_TRACE(absl::StrCat("call ", n, ", errno ", error));
      Reset();
      disk_->FailCall(n, error);
      const absl::Status status = Write();
      if (status.ok()) {
        // What failed can be done without, or is done again.
        ++successes;
        ASSERT_EQ(WhatIsThere(), There::kNew);
      } else {
        ++failures;
        // The new one if only the directory's sync has failed.
        if (WhatIsThere() != There::kNew) {
          ASSERT_NO_FATAL_FAILURE(ExpectNothingChanged());
        }
      }
      disk_->Restart(Unsynced::kKept);
      ASSERT_NO_FATAL_FAILURE(ExpectNextWriteCleansUp());
    }
  }
  EXPECT_GT(failures, calls);
  std::cout << calls << " calls failed in turn: " << failures
            << " writes failed, " << successes
            << " did not need the call, 0 losses\n";
}

TEST_P(WriteFaultsTest, TheMachineStopsAfterEveryCall) {
  const int64_t calls = CountCalls();
  std::map<There, int> counts;
  for (int64_t n = 0; n <= calls; ++n) {
    for (uint64_t seed = 0; seed < 5; ++seed) {
      SCOPED_TRACE(absl::StrCat("after call ", n, ", seed ", seed));
      Reset();
      disk_->StopAfter(n);
      const absl::Status status = Write();
      ASSERT_TRUE(status.ok() || disk_->has_stopped()) << status;
      disk_->Restart(seed == 0   ? Unsynced::kDropped
                     : seed == 1 ? Unsynced::kKept
                                 : Unsynced::kSome,
                     seed);
      const There there = WhatIsThere();
      ASSERT_THAT(there, AnyOf(Old(), There::kNew));
      ASSERT_TRUE(!status.ok() || there == There::kNew);
      ++counts[there];
      ASSERT_NO_FATAL_FAILURE(ExpectNextWriteCleansUp());
    }
  }
  EXPECT_GT(counts[Old()], calls);
  EXPECT_GT(counts[There::kNew], 5);
  std::cout << "stopped after each of " << calls
            << " calls, 5 times: " << counts[Old()] << " times "
            << (GetParam().has_old ? "the old one" : "nothing") << " is there, "
            << counts[There::kNew] << " times the new one, 0 losses\n";
}

TEST_P(WriteFaultsTest, InterruptedCallsAndShortWrites) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    Reset();
    disk_->InterruptCalls(seed);
    HOIST_ASSERT_OK(Write());
    ASSERT_THAT(directory_.Names(), ElementsAre(Name()));
    disk_->Restart(Unsynced::kDropped);
    ASSERT_EQ(WhatIsThere(), There::kNew);
  }
}

TEST_P(WriteFaultsTest, TheDiskIsFull) {
  const auto bytes_of = [](const Files& files) {
    uint64_t bytes = 0;
    for (const auto& [name, content] : files) {
      bytes += content.size();
    }
    return bytes;
  };
  const uint64_t before = GetParam().has_old ? bytes_of(old_files_) : 0;
  const uint64_t wanted = bytes_of(new_files_);
  for (uint64_t room = 0; room < wanted; room += 1500) {
    SCOPED_TRACE(absl::StrCat(room, " bytes of room"));
    disk_->LimitBytes(before + room);
    ASSERT_THAT(Write(), StatusIs(absl::StatusCode::kResourceExhausted));
    ASSERT_NO_FATAL_FAILURE(ExpectNothingChanged());
  }
}

// Damage is told: else nothing above would tell anything.
TEST_P(WriteFaultsTest, AnyLossIsNoticed) {
  HOIST_ASSERT_OK(Write());
  const auto& [name, content] = *new_files_.rbegin();
  directory_.Write(name, content.substr(0, content.size() - 1));
  EXPECT_EQ(WhatIsThere(), There::kDamaged);
  std::filesystem::remove(directory_.path(name));
  EXPECT_THAT(WhatIsThere(), AnyOf(There::kDamaged, There::kNothing));
}

INSTANTIATE_TEST_SUITE_P(
    Ways, WriteFaultsTest,
    ::testing::Values(
        Way{"NativeV1", "a.hoist", {.native_version = 1}},
        Way{"NativeV2", "a.hoist"},
        Way{"NativeCompressed", "a.hoist", {.compress = true}},
        Way{.test_name = "NativeNew", .name = "a.hoist", .has_old = false},
        Way{"NativeShards", "a", {.max_shard_bytes = kShardBytes}},
        Way{"NativeCompressedShards",
            "a",
            {.max_shard_bytes = kShardBytes, .compress = true}},
        Way{"NativeShardsByThreads",
            "a",
            {.max_shard_bytes = kShardBytes},
            true,
            2},
        Way{"TorchZip", "a.pt", {.format = OutputFormat::kTorchZip}},
        Way{"TorchZipNew", "a.pt", {.format = OutputFormat::kTorchZip}, false},
        Way{"Safetensors",
            "a.safetensors",
            {.format = OutputFormat::kSafetensors}},
        Way{"SafetensorsShards",
            "a",
            {.format = OutputFormat::kSafetensors,
             .max_shard_bytes = kShardBytes}},
        Way{"SafetensorsNewShards",
            "a",
            {.format = OutputFormat::kSafetensors,
             .max_shard_bytes = kShardBytes},
            false}),
    [](const auto& info) { return std::string(info.param.test_name); });

}  // namespace
}  // namespace hoist
