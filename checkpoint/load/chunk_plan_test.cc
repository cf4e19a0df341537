#include "hoist/checkpoint/load/chunk_plan.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;

TEST(UsedStoragesTest, AreThoseOfTensorsOnceInTheOrderOfTheFile) {
  Catalog catalog;
  catalog.storages = {{.offset_bytes = 300},
                      {.offset_bytes = 100},
                      {.offset_bytes = 200},
                      {.offset_bytes = 0},
                      {.file = 1, .offset_bytes = 0}};
  catalog.tensors = {{.storage = 4},
                     {.storage = 0},
                     {.storage = 1},
                     {.storage = 0},
                     {.storage = std::nullopt},
                     {.storage = 2}};
  EXPECT_THAT(UsedStorages(catalog), ElementsAre(1, 2, 0, 4));
}

TEST(PlanChunksTest, CoverEachStorageOnce) {
  Catalog catalog;
  catalog.storages = {{.size_bytes = 48},
                      {.size_bytes = 0},
                      {.size_bytes = 100},
                      {.size_bytes = 1}};
  const std::vector<Chunk> chunks = PlanChunks(catalog, {2, 1, 0, 3}, 48);
  std::vector<std::vector<uint64_t>> seen;
  for (const Chunk& chunk : chunks) {
    seen.push_back({static_cast<uint64_t>(chunk.storage), chunk.offset_bytes,
                    chunk.size_bytes});
  }
  EXPECT_THAT(seen, ElementsAre(ElementsAre(2, 0, 48), ElementsAre(2, 48, 48),
                                ElementsAre(2, 96, 4), ElementsAre(0, 0, 48),
                                ElementsAre(3, 0, 1)));
}

}  // namespace
}  // namespace hoist
