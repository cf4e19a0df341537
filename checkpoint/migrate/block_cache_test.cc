#include "hoist/checkpoint/migrate/block_cache.h"

#include <atomic>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

class BlockCacheTest : public testing::Test {
 protected:
  // The first byte of block `index` of `owner`, which is made as that and 10
  // bytes long.
  uint8_t Get(const void* owner, int64_t index) {
    const auto bytes = cache_.Get(owner, index, [&](BlockCache::Bytes& made) {
      ++made_;
      made.assign(10, static_cast<uint8_t>(index));
      return absl::OkStatus();
    });
    HOIST_EXPECT_OK(bytes.status());
    return (**bytes)[0];
  }

  BlockCache cache_{25};
  std::atomic<int> made_ = 0;
  int owner_ = 0;
  int other_ = 0;
};

TEST_F(BlockCacheTest, KeepsThoseUsedLast) {
  EXPECT_EQ(Get(&owner_, 1), 1);
  EXPECT_EQ(Get(&owner_, 2), 2);
  EXPECT_EQ(Get(&owner_, 1), 1);
  EXPECT_EQ(made_, 2);
  EXPECT_EQ(Get(&owner_, 3), 3);  // in the place of 2
  EXPECT_EQ(Get(&owner_, 1), 1);
  EXPECT_EQ(made_, 3);
  EXPECT_EQ(Get(&owner_, 2), 2);
  EXPECT_EQ(made_, 4);
}

TEST_F(BlockCacheTest, BlocksAreTheirOwners) {
  Get(&owner_, 1);
  Get(&other_, 1);
  EXPECT_EQ(made_, 2);
  cache_.Forget(&owner_);
  Get(&other_, 1);
  EXPECT_EQ(made_, 2);
  Get(&owner_, 1);
  EXPECT_EQ(made_, 3);
}

TEST_F(BlockCacheTest, AnErrorIsNotKept) {
  const auto failed = cache_.Get(&owner_, 1, [](BlockCache::Bytes&) {
    return absl::DataLossError("torn");
  });
  EXPECT_TRUE(absl::IsDataLoss(failed.status()));
  EXPECT_EQ(Get(&owner_, 1), 1);
}

TEST_F(BlockCacheTest, OneThreadMakesABlockForAll) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 100; ++j) {
        EXPECT_EQ(Get(&owner_, j % 2), j % 2);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(made_, 2);
}

TEST_F(BlockCacheTest, AMakerMayAskForOtherBlocks) {
  const auto bytes = cache_.Get(&owner_, 1, [&](BlockCache::Bytes& made) {
    made.assign(30, Get(&other_, 7));  // more than all
    return absl::OkStatus();
  });
  HOIST_ASSERT_OK(bytes.status());
  EXPECT_EQ((**bytes)[29], 7);
}

}  // namespace
}  // namespace hoist
