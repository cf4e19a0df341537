#include "hoist/tools/commands/worker_threads.h"

#include "gtest/gtest.h"

namespace hoist {
namespace {

TEST(WorkerThreadsTest, AtLeastOneThread) {
  EXPECT_GE(DefaultThreadCount(), 1);
}

TEST(WorkerThreadsTest, WritesKeepADiskBusyWhateverTheCpus) {
  EXPECT_GE(DefaultWriteThreadCount(), 6);
  EXPECT_GE(DefaultWriteThreadCount(), DefaultThreadCount());
}

TEST(WorkerThreadsTest, TheCallersThreadIsOneOfThem) {
  EXPECT_EQ(WorkerThreads(1).pool(), nullptr);
  EXPECT_EQ(WorkerThreads(3).pool()->thread_count(), 2);
}

}  // namespace
}  // namespace hoist
