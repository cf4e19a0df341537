#include "hoist/tools/commands/run_both.h"

#include <latch>

#include "gtest/gtest.h"

namespace hoist {
namespace {

TEST(RunBothTest, InOrderWithoutThreads) {
  int value = 0;
  RunBoth(
      nullptr, [&] { value = 3; }, [&] { value *= 2; });
  EXPECT_EQ(value, 6);
}

TEST(RunBothTest, AtOnceWithAThread) {
  ThreadPool pool(1);
  std::latch both_are_there(2);
  RunBoth(
      &pool, [&] { both_are_there.arrive_and_wait(); },
      [&] { both_are_there.arrive_and_wait(); });
  EXPECT_TRUE(both_are_there.try_wait());
}

TEST(RunBothTest, InsideOfEachOther) {
  ThreadPool pool(1);
  int a = 0;
  int b = 0;
  int c = 0;
  RunBoth(
      &pool,
      [&] {
        RunBoth(
            &pool, [&] { a = 1; }, [&] { b = 1; });
      },
      [&] { c = 1; });
  EXPECT_EQ(a + b + c, 3);
}

}  // namespace
}  // namespace hoist
