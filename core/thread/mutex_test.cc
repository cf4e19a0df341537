#include "hoist/core/thread/mutex.h"

#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace hoist {
namespace {

struct Counter {
  Mutex mu;
  CondVar changed;
  int n ABSL_GUARDED_BY(mu) = 0;
};

TEST(MutexTest, CountsAcrossThreads) {
  Counter counter;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 10000; ++k) {
        MutexLock lock(&counter.mu);
        ++counter.n;
      }
    });
  }
  threads.clear();
  MutexLock lock(&counter.mu);
  EXPECT_EQ(counter.n, 40000);
}

TEST(CondVarTest, WaitsUntilTheConditionHolds) {
  Counter counter;
  std::jthread setter([&] {
    for (int k = 0; k < 3; ++k) {
      MutexLock lock(&counter.mu);
      ++counter.n;
      counter.changed.SignalAll();
    }
  });
  MutexLock lock(&counter.mu);
  while (counter.n < 3) counter.changed.Wait(&counter.mu);
  EXPECT_EQ(counter.n, 3);
}

}  // namespace
}  // namespace hoist
