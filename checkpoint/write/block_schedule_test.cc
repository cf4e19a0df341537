#include "hoist/checkpoint/write/block_schedule.h"

#include <atomic>
#include <future>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/thread/thread_pool.h"

namespace hoist {
namespace {

using Work = BlockSchedule::Work;
using Step = BlockSchedule::Step;
using ::testing::Each;

// Of tasks with so many blocks each.
WritePlan PlanOf(const std::vector<int>& block_counts) {
  WritePlan plan;
  for (const int count : block_counts) {
    plan.tasks.push_back({.first_block = static_cast<int>(plan.blocks.size()),
                          .block_count = count});
    plan.blocks.resize(plan.blocks.size() + count);
  }
  return plan;
}

std::future<Step> NextOfAnotherThread(BlockSchedule& schedule) {
  return std::async(std::launch::async,
                    [&schedule] { return schedule.Next(); });
}

void Expect(const Step& step, Work work, int block) {
  EXPECT_EQ(step.work, work);
  EXPECT_EQ(step.block, block);
}

TEST(BlockScheduleTest, OneThreadFillsAndWritesInTurns) {
  const WritePlan plan = PlanOf({1, 2});
  BlockSchedule schedule(plan, 1);
  for (const int block : {0, 1, 2}) {
    const Step fill = schedule.Next();
    Expect(fill, Work::kFill, block);
    schedule.Filled(fill);
    const Step write = schedule.Next();
    Expect(write, Work::kWrite, block);
    EXPECT_EQ(write.slot, fill.slot);
    schedule.Written(write);
  }
  EXPECT_EQ(schedule.Next().work, Work::kNone);
}

TEST(BlockScheduleTest, AnEmptyPlanHasNothingToDo) {
  const WritePlan plan;
  BlockSchedule schedule(plan, 2);
  EXPECT_EQ(schedule.Next().work, Work::kNone);
}

TEST(BlockScheduleTest, AThirdOfTheThreadsIsLeftToFill) {
  struct Expected {
    int threads, slots, writes;
  };
  const WritePlan plan;
  for (const Expected& expected :
       {Expected{1, 1, 1}, Expected{2, 4, 1}, Expected{3, 5, 2},
        Expected{4, 6, 3}, Expected{6, 8, 4}, Expected{16, 18, 11}}) {
    const BlockSchedule schedule(plan, expected.threads);
    EXPECT_EQ(schedule.slot_count(), expected.slots) << expected.threads;
    EXPECT_EQ(schedule.max_writes(), expected.writes) << expected.threads;
  }
}

TEST(BlockScheduleTest, WhatIsFilledIsWrittenFirst) {
  const WritePlan plan = PlanOf(std::vector<int>(20, 1));
  BlockSchedule schedule(plan, 6);
  for (int block = 0; block < 6; ++block) {
    Expect(schedule.Next(), Work::kFill, block);
  }
  for (int block = 0; block < 6; ++block) {
    schedule.Filled({.block = block, .slot = block, .task = block});
  }
  std::vector<Step> writes;
  for (int block = 0; block < 4; ++block) {
    writes.push_back(schedule.Next());
    Expect(writes.back(), Work::kWrite, block);
  }
  // No more are under way at once, so that the others fill what memory is left.
  for (int block : {6, 7}) {
    const Step fill = schedule.Next();
    Expect(fill, Work::kFill, block);
    schedule.Filled(fill);
  }
  for (const Step& write : writes) {
    schedule.Written(write);
  }
  for (int block : {4, 5, 6, 7}) {
    Expect(schedule.Next(), Work::kWrite, block);
  }
  Expect(schedule.Next(), Work::kFill, 8);
}

TEST(BlockScheduleTest, BlocksOfATaskAreFilledOneAfterTheOther) {
  const WritePlan plan = PlanOf({3, 1, 1});
  BlockSchedule schedule(plan, 2);
  const Step first = schedule.Next();
  Expect(first, Work::kFill, 0);
  Expect(schedule.Next(), Work::kFill, 3);
  schedule.Filled(first);
  Expect(schedule.Next(), Work::kWrite, 0);
  const Step second = schedule.Next();
  Expect(second, Work::kFill, 1);
  Expect(schedule.Next(), Work::kFill, 4);
  schedule.Filled(second);
  schedule.Written(first);
  Expect(schedule.Next(), Work::kWrite, 1);
  Expect(schedule.Next(), Work::kFill, 2);
}

TEST(BlockScheduleTest, WaitsForWhatOthersFill) {
  const WritePlan plan = PlanOf({1});
  BlockSchedule schedule(plan, 2);
  const Step fill = schedule.Next();
  std::future<Step> other = NextOfAnotherThread(schedule);
  schedule.Filled(fill);
  Expect(other.get(), Work::kWrite, 0);
  EXPECT_EQ(schedule.Next().work, Work::kNone);
}

TEST(BlockScheduleTest, StopEndsAllThatWait) {
  const WritePlan plan = PlanOf({2});
  BlockSchedule schedule(plan, 3);
  const Step fill = schedule.Next();
  std::future<Step> other = NextOfAnotherThread(schedule);
  schedule.Stop();
  EXPECT_EQ(other.get().work, Work::kNone);
  schedule.Filled(fill);
  EXPECT_EQ(schedule.Next().work, Work::kNone);
}

TEST(BlockScheduleTest, ThreadsShareNoSlotAndLeaveNothingOut) {
  constexpr int kThreads = 6;
  const WritePlan plan = PlanOf({1, 7, 1, 1, 200, 3, 1, 90, 1});
  BlockSchedule schedule(plan, kThreads);
  std::vector<int> block_of_slot(schedule.slot_count(), -1);
  std::vector<std::atomic<int>> users(schedule.slot_count());
  std::vector<int> written(plan.blocks.size());
  std::atomic<int> writing = 0;
  ThreadPool pool(kThreads - 1);
  HOIST_ASSERT_OK(ParallelFor(pool, kThreads, [&](int64_t) {
    for (Step step = schedule.Next(); step.work != Work::kNone;
         step = schedule.Next()) {
      EXPECT_EQ(++users[step.slot], 1);
      if (step.work == Work::kFill) {
        block_of_slot[step.slot] = step.block;
        --users[step.slot];
        schedule.Filled(step);
      } else {
        EXPECT_LE(++writing, schedule.max_writes());
        EXPECT_EQ(block_of_slot[step.slot], step.block);
        ++written[step.block];
        --writing;
        --users[step.slot];
        schedule.Written(step);
      }
    }
    return absl::OkStatus();
  }));
  EXPECT_THAT(written, Each(1));
}

}  // namespace
}  // namespace hoist
