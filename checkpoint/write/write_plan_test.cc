#include "hoist/checkpoint/write/write_plan.h"

#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoist {
namespace {

constexpr uint64_t kBlock = 8192;

// Storages of these sizes, of which those in `streams` are compressed.
Catalog Storages(int count, const std::vector<int>& streams = {}) {
  Catalog catalog;
  catalog.storages.resize(static_cast<size_t>(count));
  for (const int stream : streams) {
    catalog.storages[stream].deflated_bytes = 1;
  }
  return catalog;
}

struct Extent {
  int file;
  uint64_t offset;
  uint64_t size;
  int pieces;
  bool operator==(const Extent&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Extent& extent) {
  return out << extent.file << ": " << extent.offset << " + " << extent.size
             << " (" << extent.pieces << ")";
}

std::vector<Extent> BlocksOf(const WritePlan& plan) {
  std::vector<Extent> extents;
  for (const WritePlan::Block& block : plan.blocks) {
    extents.push_back(
        {block.file, block.file_offset, block.file_bytes, block.piece_count});
  }
  return extents;
}

std::vector<int> TaskSizes(const WritePlan& plan) {
  std::vector<int> sizes;
  int next = 0;
  for (const WritePlan::Task& task : plan.tasks) {
    EXPECT_EQ(task.first_block, next);
    next += task.block_count;
    sizes.push_back(task.block_count);
  }
  EXPECT_EQ(next, plan.blocks.size());
  return sizes;
}

TEST(WritePlanTest, NothingIsNoBlock) {
  const WritePlan plan = MakeWritePlan(Storages(0), {}, kBlock);
  EXPECT_TRUE(plan.blocks.empty());
  EXPECT_TRUE(plan.tasks.empty());
  EXPECT_EQ(plan.bytes, 0);
}

TEST(WritePlanTest, CutsALargeStorageAtMultiplesOfTheBlock) {
  const WritePlan plan = MakeWritePlan(
      Storages(1), {{.storage = 0, .size_bytes = 20000, .file_offset = 4096}},
      kBlock);
  EXPECT_THAT(BlocksOf(plan), testing::ElementsAre(Extent{0, 4096, 4096, 1},
                                                   Extent{0, 8192, 8192, 1},
                                                   Extent{0, 16384, 7712, 1}));
  EXPECT_THAT(TaskSizes(plan), testing::ElementsAre(1, 1, 1));
  EXPECT_EQ(plan.pieces[1].offset_bytes, 4096);
  EXPECT_EQ(plan.bytes, 20000);
  EXPECT_EQ(plan.max_block_bytes, 8192);
}

TEST(WritePlanTest, SmallOnesShareABlockWithTheGapsBetweenThem) {
  const WritePlan plan = MakeWritePlan(
      Storages(3),
      {{.storage = 0, .size_bytes = 10, .file_offset = 64},
       {.storage = 1, .size_bytes = 10, .file_offset = 128},
       {.storage = 2, .size_bytes = 10, .file_offset = 138 + 4096}},
      kBlock);
  EXPECT_THAT(BlocksOf(plan), testing::ElementsAre(Extent{0, 64, 74, 2},
                                                   Extent{0, 4234, 10, 1}));
}

TEST(WritePlanTest, ALeadGoesWithTheBytesBehindIt) {
  // The bytes of the second begin at the end of a block, its lead before.
  const WritePlan plan = MakeWritePlan(
      Storages(2),
      {{.storage = 0, .size_bytes = 90, .file_offset = 8000, .lead_bytes = 50},
       {.storage = 1, .size_bytes = 90, .file_offset = 8192, .lead_bytes = 60}},
      kBlock);
  EXPECT_THAT(BlocksOf(plan), testing::ElementsAre(Extent{0, 7950, 140, 1},
                                                   Extent{0, 8132, 150, 1}));
  EXPECT_EQ(plan.max_block_bytes, 150);
}

TEST(WritePlanTest, AnEmptyStorageHasItsLead) {
  const WritePlan plan = MakeWritePlan(
      Storages(1), {{.storage = 0, .file_offset = 64, .lead_bytes = 40}},
      kBlock);
  EXPECT_THAT(BlocksOf(plan), testing::ElementsAre(Extent{0, 24, 40, 1}));
}

TEST(WritePlanTest, AStreamIsOneTaskOfBlocksOfItsOwn) {
  const WritePlan plan =
      MakeWritePlan(Storages(3, {1}),
                    {{.storage = 0, .size_bytes = 64, .file_offset = 0},
                     {.storage = 1, .size_bytes = 20000, .file_offset = 64},
                     {.storage = 2, .size_bytes = 64, .file_offset = 20064}},
                    kBlock);
  EXPECT_THAT(TaskSizes(plan), testing::ElementsAre(1, 3, 1));
  EXPECT_EQ(plan.blocks[1].file_offset, 64);
  EXPECT_EQ(plan.blocks[4].piece_count, 1);
}

TEST(WritePlanTest, FilesAreKeptApart) {
  const WritePlan plan =
      MakeWritePlan(Storages(2),
                    {{.storage = 0, .size_bytes = 64},
                     {.storage = 1, .size_bytes = 64, .file = 1}},
                    kBlock);
  EXPECT_THAT(BlocksOf(plan),
              testing::ElementsAre(Extent{0, 0, 64, 1}, Extent{1, 0, 64, 1}));
}

// Any placements: each byte of each is in one piece, whose block has it at its
// place, and no byte of a file is in two blocks.
TEST(WritePlanTest, RandomPlacementsAreCoveredOnce) {
  std::mt19937 random(1);
  const auto below = [&random](uint64_t bound) { return random() % bound; };
  for (int round = 0; round < 300; ++round) {
    const int count = 1 + static_cast<int>(below(20));
    std::vector<int> streams;
    std::vector<StoragePlacement> placements;
    uint64_t offset = 0;
    for (int i = 0; i < count; ++i) {
      if (below(4) == 0) {
        streams.push_back(i);
      }
      const uint64_t lead = below(2) * below(200);
      offset += below(3) == 0 ? below(10000) : below(64);
      offset += lead;
      const uint64_t size = below(3) == 0 ? below(40000) : below(300);
      placements.push_back({.storage = i,
                            .begin_bytes = below(100),
                            .size_bytes = size,
                            .file_offset = offset,
                            .lead_bytes = lead});
      offset += size;
    }
    const WritePlan plan =
        MakeWritePlan(Storages(count, streams), placements, kBlock);
    std::vector<uint64_t> done(static_cast<size_t>(count));
    uint64_t end = 0;
    int next_piece = 0;
    for (const WritePlan::Block& block : plan.blocks) {
      ASSERT_GE(block.file_offset, end);
      end = block.file_offset + block.file_bytes;
      ASSERT_EQ(block.first_piece, next_piece);
      next_piece += block.piece_count;
      ASSERT_LE(block.file_bytes, kBlock + 200);
      for (int i = block.first_piece; i < next_piece; ++i) {
        const WritePlan::Piece& piece = plan.pieces[i];
        const StoragePlacement& placement = placements[piece.placement];
        ASSERT_EQ(piece.offset_bytes, done[piece.placement]);
        done[piece.placement] += piece.size_bytes;
        const uint64_t lead =
            piece.offset_bytes == 0 ? placement.lead_bytes : 0;
        const uint64_t at = placement.file_offset + piece.offset_bytes;
        ASSERT_GE(at - lead, block.file_offset);
        ASSERT_LE(at + piece.size_bytes, end);
      }
    }
    for (int i = 0; i < count; ++i) {
      ASSERT_EQ(done[i], placements[i].size_bytes);
    }
    TaskSizes(plan);
  }
}

}  // namespace
}  // namespace hoist
