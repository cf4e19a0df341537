#include "hoist/checkpoint/store/checkpoint_store.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <limits>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/write/catalog_of_tensors.h"
#include "hoist/core/io/atomic_directory.h"
#include "hoist/core/io/atomic_file.h"
#include "hoist/core/io/file_calls.h"
#include "hoist/core/io/posix_file_system.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_directory.h"

namespace hoist {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr auto kFailedPrecondition = absl::StatusCode::kFailedPrecondition;

// Lets the n-th call that changes something fail.
class FailingCalls : public FileCalls {
 public:
  void FailCall(int nth) { calls_left_ = nth; }
  bool has_failed() const { return calls_left_ <= 0; }

  int Open(const char* path, int flags, mode_t mode) override {
    return Fails() ? -1 : FileCalls::Open(path, flags, mode);
  }
  ssize_t Pwrite(int descriptor, const void* data, size_t size,
                 off_t offset) override {
    return Fails() ? -1 : FileCalls::Pwrite(descriptor, data, size, offset);
  }
  int Fsync(int descriptor) override {
    return Fails() ? -1 : FileCalls::Fsync(descriptor);
  }
  int Rename(const char* from, const char* to) override {
    return Fails() ? -1 : FileCalls::Rename(from, to);
  }
  int Exchange(const char* a, const char* b) override {
    return Fails() ? -1 : FileCalls::Exchange(a, b);
  }
  int Unlink(const char* path) override {
    return Fails() ? -1 : FileCalls::Unlink(path);
  }
  int Rmdir(const char* path) override {
    return Fails() ? -1 : FileCalls::Rmdir(path);
  }

 private:
  bool Fails() {
    if (--calls_left_ != 0) {
      return false;
    }
    errno = EIO;
    return true;
  }

  int calls_left_ = std::numeric_limits<int>::max();
};

absl::Status WriteAll(OutputFile& file, const std::string& text) {
  HOIST_RETURN_IF_ERROR(file.WriteAt(
      0, {reinterpret_cast<const uint8_t*>(text.data()), text.size()}));
  return file.Sync();
}

// A checkpoint is a text that begins with "good"; a folder of two such, where
// shards are asked for.
absl::StatusOr<WriteReport> WriteTextCheckpoint(const Catalog&, CatalogFiles,
                                                FileSystem& file_system,
                                                const std::string& path,
                                                const WriteOptions& options) {
  const PublishOptions publish = {.overwrite = options.overwrite};
  if (options.max_shard_bytes == 0) {
    HOIST_ASSIGN_OR_RETURN(const auto file,
                           AtomicFile::Create(file_system, path, publish));
    HOIST_RETURN_IF_ERROR(WriteAll(file->file(), "good"));
    HOIST_RETURN_IF_ERROR(file->Publish());
    return WriteReport();
  }
  HOIST_ASSIGN_OR_RETURN(const auto folder,
                         AtomicDirectory::Create(file_system, path, publish));
  for (const std::string name : {"shard-00001.hoist", "index.hoist"}) {
    HOIST_ASSIGN_OR_RETURN(const auto file, folder->CreateFile(name, 0));
    HOIST_RETURN_IF_ERROR(WriteAll(*file, "good"));
  }
  HOIST_RETURN_IF_ERROR(folder->Publish());
  return WriteReport();
}

absl::StatusOr<Examined> ExamineText(const std::string& path) {
  for (const std::string& file : {path, path + "/index.hoist"}) {
    std::ifstream in(file);
    std::string text;
    if (in >> text) {
      return absl::StartsWith(text, "good")
                 ? absl::StatusOr<Examined>(Examined{.format = "text"})
                 : absl::DataLossError("it does not say that it is good");
    }
  }
  return absl::InvalidArgumentError("it is none");
}

class CheckpointStoreTest : public ::testing::Test {
 protected:
  static constexpr int64_t kNoWait = 0;

  CheckpointStoreTest() {
    HOIST_EXPECT_OK(CatalogOfTensors({}).status());
    source_ = *CatalogOfTensors({});
  }

  absl::StatusOr<SavedStep> Save(int64_t step, double loss = 0,
                                 const WriteOptions& options = {}) {
    return store_.Save(step, source_.catalog, source_.files, options,
                       {{"loss", loss}});
  }
  StoreListing List() const {
    auto listing = store_.List();
    EXPECT_THAT(listing, IsOk());
    return *std::move(listing);
  }
  // Of those that are whole.
  std::vector<int64_t> Steps() const {
    std::vector<int64_t> steps;
    for (const StoredStep& step : List().steps) {
      if (step.is_committed()) {
        steps.push_back(step.step);
      }
    }
    return steps;
  }
  int64_t Latest() const {
    const StoreListing listing = List();
    return listing.latest.index < 0 ? -1
                                    : listing.steps[listing.latest.index].step;
  }

  const TempDirectory folder_;
  FailingCalls calls_;
  PosixFileSystem file_system_{calls_};
  int64_t now_ns_ = 1000;
  CheckpointStore store_{file_system_, folder_.path(),
                         StoreOptions{.write = WriteTextCheckpoint,
                                      .examine = ExamineText,
                                      .now_ns = [this] { return ++now_ns_; },
                                      .max_lock_wait_ns = kNoWait}};
  TensorCatalog source_;
};

TEST_F(CheckpointStoreTest, WhatIsSavedIsListedAndTheLatest) {
  for (const int64_t step : {9, 100, 20}) {
    HOIST_ASSERT_OK(Save(step, 0.5).status());
  }
  EXPECT_THAT(Steps(), ElementsAre(9, 20, 100));
  const StoreListing listing = List();
  EXPECT_THAT(listing.warnings, IsEmpty());
  EXPECT_EQ(Latest(), 20);  // a run that went back
  EXPECT_EQ(listing.steps[0].metrics.at("loss"), 0.5);
  EXPECT_TRUE(listing.steps[0].is_own);
  EXPECT_THAT(folder_.Read("latest.json"), HasSubstr("\"step-20.hoist\""));
}

TEST_F(CheckpointStoreTest, AStepIsReplacedOnlyIfAskedFor) {
  HOIST_ASSERT_OK(Save(1, 0.5).status());
  EXPECT_THAT(Save(1, 0.7), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_EQ(List().steps[0].metrics.at("loss"), 0.5);
  HOIST_ASSERT_OK(Save(1, 0.7, {.overwrite = true}).status());
  EXPECT_EQ(List().steps[0].metrics.at("loss"), 0.7);
  EXPECT_FALSE(List().steps[0].is_pinned);
  HOIST_ASSERT_OK(store_.SetPinned(1, true));
  HOIST_ASSERT_OK(Save(1, 0.6, {.overwrite = true}).status());
  EXPECT_TRUE(List().steps[0].is_pinned);
  folder_.Write("step-2.hoist", "good, and of someone else");
  EXPECT_THAT(Save(2, 0, {.overwrite = true}), StatusIs(kFailedPrecondition));
  EXPECT_THAT(Save(-1), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(CheckpointStoreTest, PruneRemovesWhatNoRuleKeepsAndSaysWhy) {
  for (int64_t step = 1; step <= 6; ++step) {
    HOIST_ASSERT_OK(Save(step, step == 2 ? 0.1 : 0.5,
                         {.max_shard_bytes = step % 2 == 0 ? uint64_t{1} : 0})
                        .status());
  }
  HOIST_ASSERT_OK(store_.SetPinned(1, true));
  folder_.Write("step-3.txt", "notes");
  folder_.Write("step-0.hoist", "good, and of someone else");
  const RetentionPolicy policy = {
      .keep_last = 1, .keep_best = 1, .metric = "loss"};
  const auto before = folder_.Names();
  HOIST_ASSERT_OK_AND_ASSIGN(const PruneReport dry, store_.Prune(policy, true));
  EXPECT_THAT(dry.removed,
              ElementsAre("step-3.hoist", "step-4", "step-5.hoist"));
  EXPECT_EQ(dry.removed_bytes, 16u);
  EXPECT_EQ(dry.decisions[1].reason, "pinned");
  EXPECT_EQ(folder_.Names(), before);
  HOIST_ASSERT_OK_AND_ASSIGN(const PruneReport report,
                             store_.Prune(policy, false));
  EXPECT_EQ(report.removed, dry.removed);
  EXPECT_THAT(
      folder_.Names(),
      ElementsAre(".hoist-lock", "latest.json", "step-0.hoist", "step-1.hoist",
                  "step-1.hoist.json", "step-2", "step-2.json", "step-3.txt",
                  "step-6", "step-6.json"));
  HOIST_ASSERT_OK(store_.SetPinned(1, false));
  HOIST_ASSERT_OK(store_.Prune(policy, false).status());
  EXPECT_THAT(Steps(), ElementsAre(0, 2, 6));
}

TEST_F(CheckpointStoreTest, FilesThatHoistDoesNotKnowKeepTheirFolder) {
  HOIST_ASSERT_OK(Save(1, 0, {.max_shard_bytes = 1}).status());
  HOIST_ASSERT_OK(Save(2).status());
  folder_.Write("step-1/notes.txt", "important");
  EXPECT_THAT(store_.Prune({.keep_last = 1}, false),
              StatusIs(kFailedPrecondition, HasSubstr("notes.txt")));
  EXPECT_THAT(Steps(), ElementsAre(1, 2));
  EXPECT_THAT(folder_.Names("step-1"),
              ElementsAre("index.hoist", "notes.txt", "shard-00001.hoist"));
}

TEST_F(CheckpointStoreTest, OnlyOwnStepsCanBePinned) {
  folder_.Write("checkpoint-5", "good");
  EXPECT_THAT(store_.SetPinned(5, true), StatusIs(kFailedPrecondition));
  EXPECT_THAT(store_.SetPinned(6, true), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(CheckpointStoreTest, ALatestThatDanglesIsNotBelieved) {
  HOIST_ASSERT_OK(Save(1100).status());
  HOIST_ASSERT_OK(Save(1200).status());
  folder_.Write("step-1200.hoist", "cut");
  EXPECT_EQ(Latest(), 1100);
  EXPECT_THAT(List().warnings,
              ElementsAre(HasSubstr("newest that is valid is step-1100")));
  folder_.Write("latest.json", "{");
  EXPECT_EQ(Latest(), 1100);
  EXPECT_THAT(List().warnings, ElementsAre(HasSubstr("latest.json: ")));
  // The damaged one does not count.
  HOIST_ASSERT_OK(store_.Prune({.keep_last = 1}, false).status());
  EXPECT_THAT(Steps(), ElementsAre(1100));
}

TEST_F(CheckpointStoreTest, WhoeverChangesItHasTheLock) {
  HOIST_ASSERT_OK(Save(1).status());
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    // Saves, and is killed in the middle of it.
    CheckpointStore other(
        file_system_, folder_.path(),
        {.write = [](const Catalog&, CatalogFiles, FileSystem&,
                     const std::string&,
                     const WriteOptions&) -> absl::StatusOr<WriteReport> {
          pause();
          return absl::InternalError("not reached");
        }});
    other.Save(2, source_.catalog, source_.files, {}, {}).IgnoreError();
    _exit(1);
  }
  while (!absl::StrContains(absl::StrCat(folder_.Read(".hoist-lock")),
                            absl::StrCat("process ", child))) {
    usleep(1000);
  }
  EXPECT_THAT(Save(3), StatusIs(absl::StatusCode::kUnavailable,
                                HasSubstr(absl::StrCat("process ", child))));
  EXPECT_THAT(store_.Prune({.keep_last = 1}, false),
              StatusIs(absl::StatusCode::kUnavailable));
  HOIST_EXPECT_OK(store_.Prune({.keep_last = 1}, true).status());
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  HOIST_EXPECT_OK(Save(3).status());
  EXPECT_THAT(folder_.Names(), Not(Contains("step-2.hoist.json")));
}

// Does `change` with its n-th call failing, for all n until nothing fails.
// After each the steps that must be there are, and what is there is whole.
class StoreFaultTest : public CheckpointStoreTest {
 protected:
  template <typename Change>
  void ForEachFault(const std::vector<int64_t>& keep, const Change& change) {
    int failures = 0;
    for (int nth = 1;; ++nth) {
      SCOPED_TRACE(nth);
      calls_.FailCall(nth);
      const absl::Status status = change(nth);
      const bool has_failed = calls_.has_failed();
      calls_.FailCall(std::numeric_limits<int>::max());
      failures += has_failed ? 1 : 0;
      const StoreListing listing = List();
      for (const int64_t step : keep) {
        EXPECT_THAT(Steps(), Contains(step));
      }
      for (const StoredStep& step : listing.steps) {
        EXPECT_TRUE(step.is_committed()) << step.name << ": " << step.reason;
        EXPECT_TRUE(step.is_own) << step.name;
      }
      ASSERT_GE(listing.latest.index, 0);
      if (!has_failed) {
        HOIST_EXPECT_OK(status);
        break;
      }
    }
    EXPECT_GT(failures, 5);
  }
};

TEST_F(StoreFaultTest, AFailedSaveLosesNothing) {
  HOIST_ASSERT_OK(Save(1).status());
  for (const uint64_t shard_bytes : {0, 1}) {
    ForEachFault({1}, [&](int nth) {
      const int64_t step = 100 * (1 + shard_bytes) + nth;
      const auto saved = Save(step, 0, {.max_shard_bytes = shard_bytes});
      if (saved.ok()) {
        EXPECT_THAT(Steps(), Contains(step));
        EXPECT_EQ(Latest(), step);
      }
      return saved.status();
    });
  }
  // Nothing is left but checkpoints and their records.
  HOIST_ASSERT_OK(Save(1000).status());
  for (const std::string& name : folder_.Names()) {
    EXPECT_FALSE(absl::StartsWith(name, ".step")) << name;
  }
}

TEST_F(StoreFaultTest, AFailedReplacementLeavesTheOldOrTheNew) {
  HOIST_ASSERT_OK(Save(1, 0.5).status());
  ForEachFault({1}, [&](int nth) {
    const absl::Status status = Save(1, nth, {.overwrite = true}).status();
    const auto& metrics = List().steps[0].metrics;
    if (!status.ok() && metrics.contains("loss")) {
      EXPECT_NE(metrics.at("loss"), nth);
    }
    return status;
  });
}

TEST_F(StoreFaultTest, AFailedPruneLosesNothingThatIsToBeKept) {
  for (int64_t step = 1; step <= 40; ++step) {
    HOIST_ASSERT_OK(
        Save(step, 0, {.max_shard_bytes = step % 2 == 0 ? uint64_t{1} : 0})
            .status());
  }
  HOIST_ASSERT_OK(store_.SetPinned(1, true));
  // Each time one more may go.
  ForEachFault({1, 40}, [&](int nth) {
    return store_.Prune({.keep_last = std::max(1, 39 - nth)}, false).status();
  });
  HOIST_ASSERT_OK(store_.Prune({.keep_last = 1}, false).status());
  EXPECT_THAT(folder_.Names(),
              ElementsAre(".hoist-lock", "latest.json", "step-1.hoist",
                          "step-1.hoist.json", "step-40", "step-40.json"));
}

}  // namespace
}  // namespace hoist
