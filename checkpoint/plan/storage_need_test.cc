#include "hoist/checkpoint/plan/storage_need.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::FieldsAre;
using ::testing::IsEmpty;

TensorEntry Floats(int storage, int64_t offset, std::vector<int64_t> shape,
                   std::vector<int64_t> strides) {
  return {.name = "t",
          .spec = {DType::kFloat32, std::move(shape), std::move(strides)},
          .storage = storage,
          .storage_offset = offset};
}

// One file, storages of 400 bytes.
Catalog TestCatalog(int storages) {
  Catalog catalog;
  catalog.files.resize(1);
  for (int i = 0; i < storages; ++i) {
    catalog.storages.push_back(
        {.offset_bytes = uint64_t{1000} * (10 - i), .size_bytes = 400});
  }
  return catalog;
}

TEST(StorageNeedTest, UsedStoragesInTheOrderOfTheFile) {
  Catalog catalog = TestCatalog(3);
  catalog.tensors = {Floats(0, 0, {100}, {1}), Floats(2, 0, {100}, {1})};
  EXPECT_THAT(NeededStorages(catalog, false),
              ElementsAre(FieldsAre(2, 0, 400), FieldsAre(0, 0, 400)));
  catalog.tensors.clear();
  EXPECT_THAT(NeededStorages(catalog, false), IsEmpty());
}

TEST(StorageNeedTest, FromTheFirstToTheLastElementOfAny) {
  Catalog catalog = TestCatalog(1);
  catalog.tensors = {Floats(0, 10, {2, 3}, {20, 2}), Floats(0, 7, {1}, {1})};
  EXPECT_THAT(NeededStorages(catalog, false),
              ElementsAre(FieldsAre(0, 28, 4 * (10 + 20 + 4 + 1) - 28)));
}

TEST(StorageNeedTest, WithoutElementsNothing) {
  Catalog catalog = TestCatalog(1);
  catalog.tensors = {Floats(0, 50, {0}, {1})};
  EXPECT_THAT(NeededStorages(catalog, true), ElementsAre(FieldsAre(0, 0, 0)));
  catalog.tensors.push_back(Floats(0, 3, {1}, {1}));
  EXPECT_THAT(NeededStorages(catalog, true), ElementsAre(FieldsAre(0, 12, 4)));
}

TEST(StorageNeedTest, MostOfWhatHasAChecksumIsReadWholeToCompareIt) {
  Catalog catalog = TestCatalog(1);
  catalog.tensors = {Floats(0, 50, {50}, {1})};
  EXPECT_THAT(NeededStorages(catalog, true),
              ElementsAre(FieldsAre(0, 200, 200)));
  catalog.storages[0].crc32 = 1;
  EXPECT_THAT(NeededStorages(catalog, true), ElementsAre(FieldsAre(0, 0, 400)));
  EXPECT_THAT(NeededStorages(catalog, false),
              ElementsAre(FieldsAre(0, 200, 200)));
  catalog.tensors = {Floats(0, 51, {49}, {1})};
  EXPECT_THAT(NeededStorages(catalog, true),
              ElementsAre(FieldsAre(0, 204, 196)));
}

TEST(StorageNeedTest, CompressedOnesAreReadWhole) {
  Catalog catalog = TestCatalog(1);
  catalog.storages[0].deflated_bytes = 9;
  catalog.tensors = {Floats(0, 1, {1}, {1})};
  EXPECT_THAT(NeededStorages(catalog, false),
              ElementsAre(FieldsAre(0, 0, 400)));
}

TEST(StorageNeedTest, WholeChunksOfWhatIsEncodedOrVerified) {
  Catalog catalog = TestCatalog(1);
  StorageEntry& storage = catalog.storages[0];
  storage.size_bytes = 4 * 4096 + 400;
  for (const uint32_t size : {4096, 4096, 4096, 4096, 400}) {
    storage.chunks.push_back({.size_bytes = size});
  }
  catalog.tensors = {Floats(0, 1024, {1}, {1}), Floats(0, 2048, {1}, {1})};
  EXPECT_THAT(NeededStorages(catalog, false),
              ElementsAre(FieldsAre(0, 4096, 4100)));
  EXPECT_THAT(NeededStorages(catalog, true),
              ElementsAre(FieldsAre(0, 4096, 8192)));
  storage.encoded_bytes = 1000;
  EXPECT_THAT(NeededStorages(catalog, false),
              ElementsAre(FieldsAre(0, 4096, 8192)));
  catalog.tensors = {Floats(0, 4100, {1}, {1})};
  EXPECT_THAT(NeededStorages(catalog, false),
              ElementsAre(FieldsAre(0, 16384, 400)));
  catalog.tensors = {Floats(0, 4100, {0}, {1})};
  EXPECT_THAT(NeededStorages(catalog, false), ElementsAre(FieldsAre(0, 0, 0)));
}

TEST(StorageNeedTest, UnitsOfTheOtherByteOrderStayWhole) {
  Catalog catalog = TestCatalog(1);
  catalog.storages[0].swap_bytes = 8;
  catalog.tensors = {Floats(0, 3, {2}, {1})};
  EXPECT_THAT(NeededStorages(catalog, false), ElementsAre(FieldsAre(0, 8, 16)));
}

}  // namespace
}  // namespace hoist
