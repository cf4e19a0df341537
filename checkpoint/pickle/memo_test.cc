#include "hoist/checkpoint/pickle/memo.h"

#include "gtest/gtest.h"

namespace hoist {
namespace {

TEST(MemoTest, KeepsTheLastOfANumber) {
  Memo memo;
  EXPECT_EQ(memo.Get(0), std::nullopt);
  memo.Put(0, 10);
  memo.Put(1, 11);
  memo.Put(0, 12);
  EXPECT_EQ(memo.Get(0), 12u);
  EXPECT_EQ(memo.Get(1), 11u);
  EXPECT_EQ(memo.Get(2), std::nullopt);
  EXPECT_EQ(memo.size(), 2u);
}

TEST(MemoTest, NumbersMayHaveGaps) {
  Memo memo;
  memo.Put(1000, 1);
  EXPECT_EQ(memo.Get(999), std::nullopt);
  EXPECT_EQ(memo.Get(1000), 1u);
  EXPECT_EQ(memo.size(), 1u);
}

TEST(MemoTest, NumbersMayBeFarAway) {
  Memo memo;
  memo.Put(UINT64_MAX, 1);
  memo.Put(uint64_t{1} << 40, 2);
  memo.Put(uint64_t{1} << 40, 3);
  EXPECT_EQ(memo.Get(UINT64_MAX), 1u);
  EXPECT_EQ(memo.Get(uint64_t{1} << 40), 3u);
  EXPECT_EQ(memo.size(), 2u);
}

// One that was far away when it was put, and is not any more.
TEST(MemoTest, ANumberIsFoundWhereverItLies) {
  Memo memo;
  memo.Put(5000, 1);
  for (uint64_t i = 0; i < 10'000; ++i) {
    if (i != 5000) {
      memo.Put(i, static_cast<ValueId>(i));
    }
  }
  EXPECT_EQ(memo.Get(5000), 1u);
  memo.Put(5000, 2);
  EXPECT_EQ(memo.Get(5000), 2u);
  EXPECT_EQ(memo.Get(9999), 9999u);
  EXPECT_EQ(memo.size(), 10'000u);
}

}  // namespace
}  // namespace hoist
