#include "hoist/checkpoint/store/store_lock.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_directory.h"

namespace hoist {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(StoreLockTest, OneAtATimeAndItSaysWhose) {
  const TempDirectory folder;
  auto first = StoreLock::Acquire(folder.path(), 0);
  HOIST_ASSERT_OK(first.status());
  EXPECT_THAT(StoreLock::Acquire(folder.path(), 0),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr(absl::StrCat("process ", getpid(), " on "))));
  first->reset();
  EXPECT_THAT(folder.Read(kStoreLockName), IsEmpty());
  HOIST_EXPECT_OK(StoreLock::Acquire(folder.path(), 0).status());
}

TEST(StoreLockTest, WaitsForTheOther) {
  const TempDirectory folder;
  auto first = StoreLock::Acquire(folder.path(), 0);
  HOIST_ASSERT_OK(first.status());
  std::atomic<bool> is_released = false;
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    is_released = true;
    first->reset();
  });
  constexpr int64_t kMinute = 60'000'000'000;
  HOIST_EXPECT_OK(StoreLock::Acquire(folder.path(), kMinute).status());
  EXPECT_TRUE(is_released);
  other.join();
}

TEST(StoreLockTest, WhatAKilledProcessHasLeftIsNoLock) {
  const TempDirectory folder;
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto lock = StoreLock::Acquire(folder.path(), 0);
    _exit(lock.ok() ? 0 : 1);  // as when killed: no destructor
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  EXPECT_THAT(folder.Read(kStoreLockName),
              HasSubstr(absl::StrCat("process ", child)));
  HOIST_EXPECT_OK(StoreLock::Acquire(folder.path(), 0).status());
}

TEST(StoreLockTest, AFolderThatIsNotThereIsAnError) {
  EXPECT_THAT(StoreLock::Acquire("/not/there", 0),
              StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace hoist
