#include "hoist/core/thread/thread_pool.h"

#include <atomic>
#include <vector>

#include "gtest/gtest.h"

namespace hoist {
namespace {

TEST(ThreadPoolTest, RunsWhatIsQueuedBeforeItDies) {
  std::atomic<int> done = 0;
  {
    ThreadPool pool(3);
    for (int i = 0; i < 100; ++i) {
      pool.Schedule([&] { ++done; });
    }
  }
  EXPECT_EQ(done, 100);
}

TEST(ParallelForTest, VisitsEveryIndexOnce) {
  ThreadPool pool(3);
  std::vector<std::atomic<int>> visits(1000);
  EXPECT_TRUE(ParallelFor(pool, 1000, [&](int64_t i) {
                ++visits[i];
                return absl::OkStatus();
              }).ok());
  for (const auto& count : visits) EXPECT_EQ(count, 1);
}

TEST(ParallelForTest, ReturnsAnErrorAndStartsNothingAfterIt) {
  ThreadPool pool(2);
  std::atomic<int> started = 0;
  const absl::Status status = ParallelFor(pool, 1'000'000, [&](int64_t i) {
    ++started;
    return i == 5 ? absl::DataLossError("five") : absl::OkStatus();
  });
  EXPECT_EQ(status, absl::DataLossError("five"));
  EXPECT_LT(started, 1'000'000);
}

TEST(ParallelForTest, EmptyRangeIsOk) {
  ThreadPool pool(1);
  EXPECT_TRUE(ParallelFor(pool, 0, [](int64_t) {
                return absl::InternalError("called");
              }).ok());
}

TEST(ParallelForTest, MayBeNestedOnTheSamePool) {
  ThreadPool pool(1);
  std::atomic<int> inner = 0;
  EXPECT_TRUE(ParallelFor(pool, 4, [&](int64_t) {
                return ParallelFor(pool, 4, [&](int64_t) {
                  ++inner;
                  return absl::OkStatus();
                });
              }).ok());
  EXPECT_EQ(inner, 16);
}

}  // namespace
}  // namespace hoist
