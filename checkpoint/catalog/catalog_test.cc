#include "hoist/checkpoint/catalog/catalog.h"

#include <limits>

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
