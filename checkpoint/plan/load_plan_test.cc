#include "hoist/checkpoint/plan/load_plan.h"

#include <limits>
#include <optional>
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
    std::vector<uint64_t> filled(needs_.size(), 0);
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
        if (!entry.chunks.empty()) {
          const uint64_t chunk_bytes = entry.chunks.front().size_bytes;
          const uint64_t begin = storage.need.begin_bytes + piece.offset_bytes;
          EXPECT_EQ(begin / chunk_bytes,
                    (begin + piece.size_bytes - 1) / chunk_bytes);
        }
        if (!chunk.is_deflated) {
          const uint64_t begin = entry.offset_bytes + storage.need.begin_bytes +
                                 piece.offset_bytes;
          EXPECT_GE(begin, file_end);
          EXPECT_LE(begin - file_end, kMaxGapBytes);
          file_end = begin + piece.size_bytes;
        }
        EXPECT_EQ(storage.cast.has_value(), chunk.is_cast);
        // Whole elements, and no gap between them.
        const LoadPlan::Range range = plan.PlaceOf(piece);
        EXPECT_EQ(BytesBeforeCast(storage.cast, range.size_bytes),
                  piece.size_bytes);
        EXPECT_EQ(range.offset_bytes, filled[piece.storage]);
        filled[piece.storage] += range.size_bytes;
        if (!storage.is_mapped) {
          const uint64_t place = storage.arena_offset + range.offset_bytes;
          EXPECT_GE(place, arena_end);
          arena_end = place + range.size_bytes;
          EXPECT_GE(place, chunk.arena_offset);
          EXPECT_LE(arena_end, chunk.arena_offset + chunk.arena_bytes);
          EXPECT_EQ(place / options.chunk_bytes,
                    (arena_end - 1) / options.chunk_bytes);
        }
      }
      EXPECT_LE(chunk.arena_bytes, options.chunk_bytes);
      EXPECT_LE(chunk.file_bytes, options.chunk_bytes);
      if (chunk.is_cast) {
        EXPECT_LE(chunk.file_bytes, plan.max_cast_bytes);
      }
      if (chunk.is_encoded) {
        EXPECT_EQ(chunk.piece_count, 1);
        EXPECT_LE(chunk.file_bytes, plan.max_encoded_bytes);
        const LoadPlan::Piece& piece = plan.pieces[chunk.first_piece];
        const StorageNeed& need = plan.storages[piece.storage].need;
        const auto& chunks = catalog_.storages[need.storage].chunks;
        const uint64_t begin = need.begin_bytes + piece.offset_bytes;
        if (begin % chunks.front().size_bytes == 0) {
          read += chunks[begin / chunks.front().size_bytes].stored_bytes;
        }
      } else if (!chunk.is_deflated) {
        EXPECT_EQ(file_end, chunk.file_offset + chunk.file_bytes);
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
    uint64_t loaded = 0;
    for (size_t i = 0; i < needs_.size(); ++i) {
      EXPECT_EQ(brought[i], needs_[i].size_bytes);
      needed += needs_[i].size_bytes;
      const LoadPlan::Storage& storage = plan.storages[i];
      EXPECT_EQ(filled[i], storage.loaded_bytes);
      loaded += storage.loaded_bytes;
      EXPECT_EQ(storage.arena_offset % options.alignment_bytes,
                storage.is_mapped
                    ? 0
                    : BytesAfterCast(storage.cast, needs_[i].begin_bytes) %
                          options.alignment_bytes);
    }
    EXPECT_EQ(plan.needed_bytes, needed);
    EXPECT_EQ(plan.loaded_bytes, loaded);
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

TEST_F(PlanTest, RawChunksAreReadLikePlainStorages) {
  Add(100, 5 * kMiB / 2);
  const LoadPlan plain = Plan();
  for (const uint32_t size : {kMiB, kMiB, kMiB / 2}) {
    catalog_.storages[0].chunks.push_back({.size_bytes = size});
  }
  const LoadPlan chunked = Plan();
  EXPECT_EQ(plain.chunks.size(), chunked.chunks.size());
  EXPECT_EQ(chunked.pieces.size(), plain.pieces.size() + 1);
  EXPECT_EQ(chunked.max_encoded_bytes, 0);
}

TEST_F(PlanTest, EncodedChunksAreReadOneByOne) {
  Add(64, 100);
  Add(64, 9 * kMiB);
  StorageEntry& storage = catalog_.storages[1];
  for (int i = 0; i < 9; ++i) {
    storage.chunks.push_back({.stored_bytes = 1000, .size_bytes = kMiB});
  }
  storage.encoded_bytes = 9000;
  needs_[1].begin_bytes = kMiB;
  needs_[1].size_bytes = 8 * kMiB;
  const LoadPlan plan = Plan();
  EXPECT_EQ(plan.read_bytes, 100 + 8 * 1000);
  // Eight, of which cells cut none, and the other storage.
  EXPECT_EQ(plan.chunks.size(), 9);
  EXPECT_EQ(plan.storages[1].arena_offset % kMiB, 0);
  EXPECT_EQ(plan.max_encoded_bytes, kMiB);
  // Of few they may.
  needs_[1].size_bytes = 7 * kMiB;
  EXPECT_EQ(MakeLoadPlan(catalog_, needs_, {})->storages[1].arena_offset, 128);
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

TEST_F(PlanTest, CastStoragesTakeThePlaceOfTheirNewDType) {
  const StorageCast narrower = {.from = DType::kFloat32, .to = DType::kFloat16};
  Add(0, 4 * kMiB);
  Add(0, 100);
  Add(0, 100);
  needs_[2].begin_bytes = 40;
  needs_[2].size_bytes = 60;
  Add(8, 100);
  const LoadPlan plan = Plan(
      {.mapped_files = {true}, .casts = {narrower, narrower, narrower, {}}});
  EXPECT_EQ(plan.storages[0].loaded_bytes, 2 * kMiB);
  EXPECT_EQ(plan.storages[1].arena_offset, 2 * kMiB);
  EXPECT_EQ(plan.storages[2].arena_offset, 2 * kMiB + 64 + 20);
  EXPECT_TRUE(plan.storages[3].is_mapped);
  EXPECT_EQ(plan.arena_bytes, 2 * kMiB + 64 + 20 + 30);
  EXPECT_EQ(plan.loaded_bytes, 2 * kMiB + 50 + 30 + 100);
  EXPECT_EQ(plan.needed_bytes, 4 * kMiB + 260);
  // Two of the large one, which are read into one cell; one of both small ones;
  // and what is not cast.
  EXPECT_EQ(plan.chunks.size(), 4u);
  EXPECT_EQ(plan.max_cast_bytes, 2 * kMiB);
}

TEST_F(PlanTest, AnyCasts) {
  const std::vector<std::optional<StorageCast>> kinds = {
      std::nullopt, StorageCast{DType::kFloat64, DType::kBfloat16},
      StorageCast{DType::kFloat16, DType::kFloat64},
      StorageCast{DType::kFloat32, DType::kFloat16},
      StorageCast{DType::kBfloat16, DType::kFloat16}};
  std::vector<std::optional<StorageCast>> casts;
  uint32_t random = 1;
  for (int i = 0; i < 300; ++i) {
    random = random * 1664525 + 1013904223;
    Add(random >> 24, random % (i % 10 == 0 ? 400000 : 3000) / 8 * 8);
    casts.push_back(kinds[(random >> 8) % kinds.size()]);
    if (i % 17 == 3) {
      catalog_.storages.back().deflated_bytes = 10;
    } else if (i % 5 == 0 && needs_.back().size_bytes > 0) {
      needs_.back().begin_bytes = 8;
      needs_.back().size_bytes -= 8;
    }
  }
  for (const uint64_t chunk : {64u, 192u, 4096u, 65536u, 1u << 22}) {
    Plan({.chunk_bytes = chunk, .casts = casts});
    Plan({.chunk_bytes = chunk, .alignment_bytes = 256, .casts = casts});
    Plan({.chunk_bytes = chunk, .mapped_files = {true}, .casts = casts});
  }
}

TEST_F(PlanTest, WiderThanThereAreAddresses) {
  Add(0, 64);
  needs_[0].size_bytes = uint64_t{1} << 62;
  EXPECT_THAT(
      MakeLoadPlan(catalog_, needs_,
                   {.casts = {StorageCast{DType::kFloat16, DType::kFloat64}}})
          .status(),
      StatusIs(absl::StatusCode::kResourceExhausted));
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
