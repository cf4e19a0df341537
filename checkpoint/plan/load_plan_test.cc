#include "hoist/checkpoint/plan/load_plan.h"

#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uint64_t kMiB = uint64_t{1} << 20;

// Storages one after the other in a file, with `gap` bytes before each.
class PlanTest : public ::testing::Test {
 protected:
  int Add(uint64_t gap, uint64_t size, int file = 0) {
    while (static_cast<int>(catalog_.files.size()) <= file) {
      catalog_.files.push_back({});
      end_ = 0;
    }
    catalog_.storages.push_back(
        {.file = file, .offset_bytes = end_ + gap, .size_bytes = size});
    end_ += gap + size;
    const auto index = static_cast<int>(catalog_.storages.size()) - 1;
    needs_.push_back({.storage = index, .size_bytes = size});
    return index;
  }
  LoadPlan Plan(const PlanOptions& options = {}) {
    auto plan = MakeLoadPlan(catalog_, needs_, options);
    EXPECT_TRUE(plan.ok()) << plan.status();
    CheckPromises(*plan, options);
    return *std::move(plan);
  }

  // What holds for every plan.
  void CheckPromises(const LoadPlan& plan, const PlanOptions& options) {
    ASSERT_EQ(plan.storages.size(), needs_.size());
    std::vector<uint64_t> brought(needs_.size(), 0);
    uint64_t read = 0;
    uint64_t arena_end = 0;
    int next_piece = 0;
    for (const LoadPlan::Chunk& chunk : plan.chunks) {
      ASSERT_EQ(chunk.first_piece, next_piece);
      ASSERT_GT(chunk.piece_count, 0);
      next_piece += chunk.piece_count;
      uint64_t file_end = chunk.file_offset;
      for (int i = 0; i < chunk.piece_count; ++i) {
        const LoadPlan::Piece& piece = plan.pieces[chunk.first_piece + i];
        const LoadPlan::Storage& storage = plan.storages[piece.storage];
        const StorageEntry& entry = catalog_.storages[storage.need.storage];
        EXPECT_EQ(entry.file, chunk.file);
        // Each byte once, in order.
        EXPECT_EQ(piece.offset_bytes, brought[piece.storage]);
        brought[piece.storage] += piece.size_bytes;
        if (!chunk.is_deflated) {
          const uint64_t begin = entry.offset_bytes + storage.need.begin_bytes +
                                 piece.offset_bytes;
          EXPECT_GE(begin, file_end);
          EXPECT_LE(begin - file_end, kMaxGapBytes);
          file_end = begin + piece.size_bytes;
        }
        if (!storage.is_mapped) {
          const uint64_t place = storage.arena_offset + piece.offset_bytes;
          EXPECT_GE(place, arena_end);
          arena_end = place + piece.size_bytes;
          EXPECT_GE(place, chunk.arena_offset);
          EXPECT_LE(arena_end, chunk.arena_offset + chunk.arena_bytes);
          EXPECT_EQ(place / options.chunk_bytes,
                    (arena_end - 1) / options.chunk_bytes);
        }
      }
      EXPECT_LE(chunk.arena_bytes, options.chunk_bytes);
      if (!chunk.is_deflated) {
        EXPECT_EQ(file_end, chunk.file_offset + chunk.file_bytes);
        EXPECT_LE(chunk.file_bytes, options.chunk_bytes);
        EXPECT_LE(chunk.file_bytes, plan.max_read_bytes);
        read += chunk.file_bytes;
      } else {
        const int index =
            plan.storages[plan.pieces[chunk.first_piece].storage].need.storage;
        if (plan.pieces[chunk.first_piece].offset_bytes == 0) {
          read += *catalog_.storages[index].deflated_bytes;
        }
      }
    }
    uint64_t needed = 0;
    for (size_t i = 0; i < needs_.size(); ++i) {
      EXPECT_EQ(brought[i], needs_[i].size_bytes);
      needed += needs_[i].size_bytes;
      EXPECT_EQ(plan.storages[i].arena_offset % options.alignment_bytes,
                plan.storages[i].is_mapped
                    ? 0
                    : needs_[i].begin_bytes % options.alignment_bytes);
    }
    EXPECT_EQ(plan.needed_bytes, needed);
    EXPECT_EQ(plan.read_bytes, read);
    EXPECT_GE(plan.arena_bytes, arena_end);
  }

  Catalog catalog_;
  std::vector<StorageNeed> needs_;
  uint64_t end_ = 0;
};

TEST_F(PlanTest, NothingToLoad) {
  const LoadPlan plan = Plan();
  EXPECT_THAT(plan.chunks, IsEmpty());
  EXPECT_EQ(plan.arena_bytes, 0u);
}

TEST_F(PlanTest, SmallStoragesShareAChunkAndTheGapsBetween) {
  for (int i = 0; i < 1000; ++i) {
    Add(/*gap=*/100, /*size=*/300);
  }
  Add(0, 0);
  const LoadPlan plan = Plan();
  ASSERT_EQ(plan.chunks.size(), 1u);
  EXPECT_EQ(plan.chunks[0].file_offset, 100u);
  EXPECT_EQ(plan.read_bytes, 1000 * 400u - 100);
  EXPECT_EQ(plan.needed_bytes, 300000u);
  EXPECT_EQ(plan.arena_bytes, 999 * 320u + 300 + 20);
}

TEST_F(PlanTest, LargeGapsAreNotRead) {
  Add(0, 100);
  Add(kMaxGapBytes, 100);
  Add(kMaxGapBytes + 1, 100);
  const LoadPlan plan = Plan();
  ASSERT_EQ(plan.chunks.size(), 2u);
  EXPECT_EQ(plan.read_bytes, 300 + kMaxGapBytes);
}

TEST_F(PlanTest, LargeStoragesAreCutWhereCellsEnd) {
  Add(64, 5 * kMiB);
  Add(128, 3 * kMiB);
  const LoadPlan plan = Plan();
  std::vector<uint64_t> begins;
  for (const LoadPlan::Chunk& chunk : plan.chunks) {
    begins.push_back(chunk.arena_offset / (2 * kMiB));
  }
  EXPECT_THAT(begins, ElementsAre(0, 1, 2, 3, 4));
}

TEST_F(PlanTest, LargeStoragesLieAsInTheFile) {
  Add(7 * 64, 100);
  Add(33 * 64 - 100, 3 * kMiB);
  Add(5 * 64, 2 * kMiB);
  const LoadPlan plan = Plan();
  for (const int i : {1, 2}) {
    EXPECT_EQ(plan.storages[i].arena_offset % 4096,
              catalog_.storages[i].offset_bytes % 4096);
  }
  // Not where tensors would not be aligned then.
  Add(8, 2 * kMiB);
  EXPECT_NE(Plan().storages[3].arena_offset % 4096,
            catalog_.storages[3].offset_bytes % 4096);
}

TEST_F(PlanTest, FilesAndMapsAndStreamsDoNotShareChunks) {
  Add(0, 160, 0);
  Add(0, 160, 0);
  catalog_.storages[1].deflated_bytes = 80;
  Add(0, 160, 0);
  Add(0, 160, 1);
  Add(0, 160, 1);
  const LoadPlan plan = Plan({.mapped_files = {false, true}});
  EXPECT_EQ(plan.chunks.size(), 4u);
  EXPECT_TRUE(plan.chunks[1].is_deflated);
  EXPECT_FALSE(plan.storages[2].is_mapped);
  EXPECT_TRUE(plan.storages[3].is_mapped);
  EXPECT_EQ(plan.arena_bytes, 192 * 2 + 160u);
}

TEST_F(PlanTest, WhatIsNotAlignedIsNotLeftInTheMap) {
  Add(16, 16);
  Add(1, 16);
  const LoadPlan plan = Plan({.mapped_files = {true}});
  EXPECT_TRUE(plan.storages[0].is_mapped);
  EXPECT_FALSE(plan.storages[1].is_mapped);
  EXPECT_EQ(plan.chunks.size(), 2u);
}

// Another storage may have the same bytes.
TEST_F(PlanTest, WhatIsToBeReversedIsNotLeftInTheMap) {
  Add(0, 16);
  Add(0, 16);
  catalog_.storages[0].swap_bytes = 2;
  const LoadPlan plan = Plan({.mapped_files = {true}});
  EXPECT_FALSE(plan.storages[0].is_mapped);
  EXPECT_TRUE(plan.storages[1].is_mapped);
}

TEST_F(PlanTest, PartsOfStoragesStayAligned) {
  Add(0, 1000);
  needs_[0] = {.storage = 0, .begin_bytes = 100, .size_bytes = 50};
  Add(0, 5 * kMiB);
  needs_[1] = {.storage = 1, .begin_bytes = 4, .size_bytes = 4 * kMiB};
  const LoadPlan plan = Plan();
  EXPECT_EQ(plan.chunks[0].file_offset, 100u);
  EXPECT_EQ(plan.storages[0].arena_offset, 100 % 64u);
}

TEST_F(PlanTest, AnyOptions) {
  uint32_t random = 1;
  for (int i = 0; i < 300; ++i) {
    random = random * 1664525 + 1013904223;
    Add(random >> 24, random % (i % 10 == 0 ? 400000 : 3000));
    if (i % 17 == 3) {
      catalog_.storages.back().deflated_bytes = 10;
    }
  }
  for (const uint64_t chunk : {64u, 4096u, 65536u, 1u << 22}) {
    Plan({.chunk_bytes = chunk});
    Plan({.chunk_bytes = chunk, .alignment_bytes = 256});
    Plan({.chunk_bytes = chunk, .mapped_files = {true}});
  }
}

TEST_F(PlanTest, MoreThanThereAreAddresses) {
  Add(0, 64);
  Add(0, 64);
  // Before any chunk is made of them.
  needs_[1].size_bytes = std::numeric_limits<uint64_t>::max() - 63;
  EXPECT_THAT(MakeLoadPlan(catalog_, needs_, {}).status(),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

}  // namespace
}  // namespace hoist
