#include "hoist/checkpoint/catalog/catalog.h"

#include <limits>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kHuge = std::numeric_limits<int64_t>::max();

// One file of 100 bytes, one storage of 24 in it, one 2x3 float tensor.
Catalog SmallCatalog() {
  Catalog catalog;
  catalog.files = {{.path = "m.pt", .size_bytes = 100}};
  catalog.storages = {{.offset_bytes = 76, .size_bytes = 24, .name = "data/0"}};
  catalog.tensors = {
      {.name = "w", .spec = {DType::kFloat32, {2, 3}, {3, 1}}, .storage = 0}};
  return catalog;
}

TEST(ValidateCatalogTest, AcceptsWhatFitsExactly) {
  HOIST_EXPECT_OK(ValidateCatalog(SmallCatalog()));
}

TEST(ValidateCatalogTest, StorageMustLieInsideItsFile) {
  Catalog catalog = SmallCatalog();
  catalog.storages[0].offset_bytes = 77;
  EXPECT_THAT(ValidateCatalog(catalog),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("data/0")));
  catalog.storages[0].offset_bytes = std::numeric_limits<uint64_t>::max();
  EXPECT_THAT(ValidateCatalog(catalog), StatusIs(absl::StatusCode::kDataLoss));
  catalog = SmallCatalog();
  catalog.storages[0].file = 1;
  EXPECT_THAT(ValidateCatalog(catalog), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(ValidateCatalogTest, CompressedStorageTakesItsBytesInTheFile) {
  Catalog catalog = SmallCatalog();
  catalog.storages[0].offset_bytes = 90;
  catalog.storages[0].deflated_bytes = 10;
  HOIST_EXPECT_OK(ValidateCatalog(catalog));
  catalog.storages[0].deflated_bytes = 11;
  EXPECT_THAT(ValidateCatalog(catalog), StatusIs(absl::StatusCode::kDataLoss));
  catalog.storages[0].deflated_bytes = 10;
  catalog.storages[0].size_bytes = 20'000;
  EXPECT_THAT(ValidateCatalog(catalog),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("cannot hold")));
}

TEST(ValidateCatalogTest, SwappedStorageMustBeWholeUnits) {
  Catalog catalog = SmallCatalog();
  catalog.storages[0].swap_bytes = 4;
  HOIST_EXPECT_OK(ValidateCatalog(catalog));
  catalog.storages[0].swap_bytes = 16;
  EXPECT_THAT(ValidateCatalog(catalog), StatusIs(absl::StatusCode::kDataLoss));
}

// A storage of 10,000 bytes in chunks of 4096, the second of 100 bytes in the
// file.
Catalog ChunkedCatalog() {
  Catalog catalog;
  catalog.files = {{.path = "m.hoist", .size_bytes = 7000}};
  StorageEntry storage = {.offset_bytes = 64,
                          .size_bytes = 10'000,
                          .encoded_bytes = 4096 + 100 + 1808};
  storage.chunks = {
      {.offset_bytes = 64, .stored_bytes = 4096, .size_bytes = 4096},
      {.offset_bytes = 64 + 4096,
       .stored_bytes = 100,
       .size_bytes = 4096,
       .stored_crc32c = 1,
       .crc32c = 2,
       .encoding = ChunkEncoding::kZstd},
      {.offset_bytes = 64 + 4196, .stored_bytes = 1808, .size_bytes = 1808}};
  catalog.storages = {std::move(storage)};
  return catalog;
}

TEST(ValidateCatalogTest, ChunksMustBeTheStorage) {
  HOIST_EXPECT_OK(ValidateCatalog(ChunkedCatalog()));
  using Change = void (*)(StorageEntry & storage);
  constexpr Change kChanges[] = {
      [](StorageEntry& storage) { storage.chunks.pop_back(); },
      [](StorageEntry& storage) { storage.chunks.clear(); },
      [](StorageEntry& storage) {
        storage.chunks.push_back({.offset_bytes = 64 + 4096 + 100 + 1808});
      },
      [](StorageEntry& storage) { ++storage.chunks[1].offset_bytes; },
      [](StorageEntry& storage) { ++storage.chunks[1].stored_bytes; },
      [](StorageEntry& storage) { storage.chunks[1].stored_bytes = 0; },
      [](StorageEntry& storage) { --storage.chunks[1].size_bytes; },
      [](StorageEntry& storage) { ++storage.chunks[2].size_bytes; },
      [](StorageEntry& storage) { ++storage.chunks[0].stored_crc32c; },
      [](StorageEntry& storage) {
        storage.chunks[1].encoding = ChunkEncoding::kRaw;
      },
      [](StorageEntry& storage) {
        storage.chunks[1].encoding = ChunkEncoding{kChunkEncodingCount};
      },
      [](StorageEntry& storage) { storage.encoded_bytes.reset(); },
      [](StorageEntry& storage) { storage.encoded_bytes = 6000; },
      [](StorageEntry& storage) { storage.encoded_bytes = 6005; },
      [](StorageEntry& storage) { storage.size_bytes = 9999; },
      [](StorageEntry& storage) { storage.size_bytes = 20'000; },
      [](StorageEntry& storage) { storage.swap_bytes = 2; },
      [](StorageEntry& storage) {  // no power of two
        storage.chunks[0].size_bytes = storage.chunks[0].stored_bytes = 4100;
      },
  };
  for (const Change& change : kChanges) {
    Catalog catalog = ChunkedCatalog();
    change(catalog.storages[0]);
    EXPECT_THAT(ValidateCatalog(catalog), StatusIs(absl::StatusCode::kDataLoss))
        << &change - kChanges;
  }
}

TEST(ValidateCatalogTest, TensorMustLieInsideItsStorage) {
  for (const TensorSpec& spec :
       std::vector<TensorSpec>{{DType::kFloat32, {2, 4}, {4, 1}},
                               {DType::kFloat32, {2, 3}, {4, 1}},
                               {DType::kFloat64, {2, 3}, {3, 1}},
                               {DType::kFloat32, {2, kHuge}, {3, 1}},
                               {DType::kFloat32, {2, 3}, {kHuge, 1}},
                               {DType::kFloat32, {2, -3}, {3, 1}},
                               {DType::kFloat32, {2, 3}, {-3, 1}},
                               {DType::kFloat32, {2, 3}, {3}}}) {
    Catalog catalog = SmallCatalog();
    catalog.tensors[0].spec = spec;
    EXPECT_THAT(ValidateCatalog(catalog),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("Tensor w")))
        << ShapeString(spec.shape) << ShapeString(spec.strides);
  }
}

TEST(ValidateCatalogTest, StorageOffsetCounts) {
  Catalog catalog = SmallCatalog();
  for (const int64_t offset : {int64_t{1}, kHuge, int64_t{-1}}) {
    catalog.tensors[0].storage_offset = offset;
    EXPECT_THAT(ValidateCatalog(catalog), StatusIs(absl::StatusCode::kDataLoss))
        << offset;
  }
}

TEST(ValidateCatalogTest, TensorWithoutDataNeedsNoStorage) {
  Catalog catalog = SmallCatalog();
  catalog.tensors[0].storage = std::nullopt;
  catalog.tensors[0].spec = {DType::kFloat32, {1000, 1000}, {1000, 1}};
  HOIST_EXPECT_OK(ValidateCatalog(catalog));
  catalog.tensors[0].spec.shape = {kHuge, kHuge};
  EXPECT_THAT(ValidateCatalog(catalog), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(ValidateCatalogTest, StorageIndexMustBeOne) {
  Catalog catalog = SmallCatalog();
  for (const int storage : {1, -1}) {
    catalog.tensors[0].storage = storage;
    EXPECT_THAT(ValidateCatalog(catalog),
                StatusIs(absl::StatusCode::kDataLoss));
  }
}

}  // namespace
}  // namespace hoist
