// What CheckpointStore::Save() promises, whatever goes wrong: with every call
// of the file system failing in turn, and with the machine stopped after every
// call, the checkpoint that was saved before is there bit for bit, the new one
// is that too or is not listed, and one of them is the latest.

#include <cerrno>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/convert/compare_tensors.h"
#include "hoist/checkpoint/store/checkpoint_store.h"
#include "hoist/checkpoint/testing/small_checkpoint.h"
#include "hoist/checkpoint/write/write_checkpoint.h"
#include "hoist/core/io/posix_file_system.h"
#include "hoist/core/io/testing/faulty_disk.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_directory.h"

namespace hoist {
namespace {

using ::testing::AnyOf;
using ::testing::UnorderedElementsAreArray;

struct Way {
  const char* name;
  uint64_t max_shard_bytes;
  // The step that is saved; that of before is 7.
  int64_t step;
};

class StoreFaultsTest : public ::testing::TestWithParam<Way> {
 protected:
  static constexpr int64_t kBefore = 7;

  StoreFaultsTest() {
    NewDisk();
    HOIST_EXPECT_OK(Save(kBefore, old_).status());
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(folder_.path())) {
      if (entry.is_regular_file()) {
        const std::string name =
            std::filesystem::relative(entry.path(), folder_.path());
        before_[name] = folder_.Read(name);
      }
    }
  }

  static bool Replaces() { return GetParam().step == kBefore; }

  void NewDisk() {
    disk_ = std::make_unique<FaultyDisk>(folder_.path());
    file_system_ = std::make_unique<PosixFileSystem>(*disk_);
    store_ = std::make_unique<CheckpointStore>(
        *file_system_, folder_.path(),
        StoreOptions{.write = WriteCheckpoint,
                     .now_ns = [this] { return ++now_ns_; }});
  }

  // Brings it back to what it was before Save().
  void Reset() {
    for (const std::string& name : folder_.Names()) {
      std::filesystem::remove_all(folder_.path(name));
    }
    for (const auto& [name, content] : before_) {
      folder_.Write(name, content);
    }
    NewDisk();
  }

  absl::StatusOr<SavedStep> Save(int64_t step,
                                 const TensorCatalog& checkpoint) {
    return store_->Save(
        step, checkpoint.catalog, checkpoint.files,
        {.overwrite = true, .max_shard_bytes = GetParam().max_shard_bytes},
        {{"loss", &checkpoint == &old_ ? 0.5 : 0.25}});
  }
  absl::StatusOr<SavedStep> Save() { return Save(GetParam().step, new_); }

  bool Holds(const std::string& name, const TensorCatalog& wanted) const {
    const absl::StatusOr<Checkpoint> found =
        Checkpoint::Open(folder_.path(name));
    return found.ok() &&
           CompareTensors({wanted.catalog, wanted.files},
                          {found->catalog(), found->files()}, nullptr)
               .ok();
  }

  // That nothing is lost; returns whether the new one is there.
  bool CheckStore() {
    // Another process, for which nothing fails.
    const std::unique_ptr<FileSystem> file_system = NewPosixFileSystem();
    const absl::StatusOr<StoreListing> listing =
        CheckpointStore(*file_system, folder_.path(), {}).List();
    EXPECT_THAT(listing, IsOk());
    bool has_new = false;
    std::vector<int64_t> steps;
    for (const StoredStep& step : listing->steps) {
      EXPECT_TRUE(step.is_committed()) << step.name << ": " << step.reason;
      EXPECT_TRUE(step.is_own) << step.name;
      const bool is_new = step.step == GetParam().step &&
                          (!Replaces() || !Holds(step.name, old_));
      EXPECT_TRUE(Holds(step.name, is_new ? new_ : old_)) << step.name;
      if (!is_new && !Replaces()) {
        EXPECT_EQ(step.metrics.at("loss"), 0.5);
      }
      has_new |= is_new;
      steps.push_back(step.step);
    }
    EXPECT_EQ(steps, has_new && !Replaces()
                         ? (std::vector<int64_t>{kBefore, GetParam().step})
                         : std::vector<int64_t>{kBefore});
    EXPECT_GE(listing->latest.index, 0);
    return has_new;
  }

  // Any save removes what others have left, also of other steps.
  void ExpectNextSaveCleansUp() {
    const bool has_new = CheckStore() && !Replaces();
    constexpr int64_t kNext = 9;
    HOIST_ASSERT_OK(Save(kNext, new_).status());
    std::vector<std::string> names = {".hoist-lock", kLatestName};
    std::vector<int64_t> steps = {kBefore, kNext};
    if (has_new) {
      steps.push_back(GetParam().step);
    }
    for (const int64_t step : steps) {
      names.push_back(absl::StrCat(
          "step-", step, GetParam().max_shard_bytes > 0 ? "" : ".hoist"));
      names.push_back(absl::StrCat(names.back(), ".json"));
    }
    ASSERT_THAT(folder_.Names(), UnorderedElementsAreArray(names));
    HOIST_ASSERT_OK_AND_ASSIGN(const StoreListing listing, store_->List());
    ASSERT_EQ(listing.steps[listing.latest.index].step, kNext);
  }

  int64_t CountCalls() {
    Reset();
    HOIST_EXPECT_OK(Save().status());
    EXPECT_TRUE(CheckStore());
    return disk_->call_count();
  }

  const TensorCatalog old_ = SmallCheckpoint(1);
  const TensorCatalog new_ = SmallCheckpoint(2);
  const TempDirectory folder_ = TempDirectory::InMemory();
  int64_t now_ns_ = 1000;
  std::unique_ptr<FaultyDisk> disk_;
  std::unique_ptr<FileSystem> file_system_;
  std::unique_ptr<CheckpointStore> store_;
  std::map<std::string, std::string> before_;
};

TEST_P(StoreFaultsTest, EveryCallFailsInTurn) {
  const int64_t calls = CountCalls();
  int failures = 0;
  int with_warnings = 0;
  for (const int error : {EIO, ENOSPC}) {
    for (int64_t n = 0; n < calls; ++n) {
      SCOPED_TRACE(absl::StrCat("call ", n, ", errno ", error));
      Reset();
      disk_->FailCall(n, error);
      const absl::StatusOr<SavedStep> saved = Save();
      const bool has_new = CheckStore();
      if (!saved.ok()) {
        ++failures;
        for (const std::string& name : folder_.Names()) {
          ASSERT_FALSE(absl::EndsWith(name, ".tmp") && !has_new) << name;
        }
      } else {
        ASSERT_TRUE(has_new);
        with_warnings += saved->warnings.empty() ? 0 : 1;
      }
      disk_->Restart(Unsynced::kKept);
      ASSERT_NO_FATAL_FAILURE(ExpectNextSaveCleansUp());
      ASSERT_FALSE(HasFailure());
    }
  }
  EXPECT_GT(failures, calls / 2);
  EXPECT_GT(with_warnings, 0);
  std::cout << calls << " calls failed in turn: " << failures
            << " saves failed, " << with_warnings
            << " were not recorded, 0 losses\n";
}

TEST_P(StoreFaultsTest, TheMachineStopsAfterEveryCall) {
  const int64_t calls = CountCalls();
  int olds = 0;
  int news = 0;
  for (int64_t n = 0; n <= calls; ++n) {
    for (uint64_t seed = 0; seed < 5; ++seed) {
      SCOPED_TRACE(absl::StrCat("after call ", n, ", seed ", seed));
      Reset();
      disk_->StopAfter(n);
      const bool is_saved = Save().ok();
      disk_->Restart(seed == 0   ? Unsynced::kDropped
                     : seed == 1 ? Unsynced::kKept
                                 : Unsynced::kSome,
                     seed);
      const bool has_new = CheckStore();
      ASSERT_TRUE(!is_saved || has_new);
      ++(has_new ? news : olds);
      ASSERT_NO_FATAL_FAILURE(ExpectNextSaveCleansUp());
      ASSERT_FALSE(HasFailure());
    }
  }
  EXPECT_GT(olds, calls);
  EXPECT_GT(news, 5);
  std::cout << "stopped after each of " << calls << " calls, 5 times: " << olds
            << " times without the new one, " << news
            << " times with it, 0 losses\n";
}

TEST_P(StoreFaultsTest, InterruptedCallsAndShortWrites) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    Reset();
    disk_->InterruptCalls(seed);
    HOIST_ASSERT_OK_AND_ASSIGN(const SavedStep saved, Save());
    EXPECT_THAT(saved.warnings, ::testing::IsEmpty());
    disk_->Restart(Unsynced::kDropped);
    ASSERT_TRUE(CheckStore());
  }
}

INSTANTIATE_TEST_SUITE_P(
    Ways, StoreFaultsTest,
    ::testing::Values(Way{"Next", 0, 8}, Way{"Replacing", 0, 7},
                      Way{"NextShards", 2 * kSmallTensorBytes, 8},
                      Way{"ReplacingShards", 2 * kSmallTensorBytes, 7}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace hoist
