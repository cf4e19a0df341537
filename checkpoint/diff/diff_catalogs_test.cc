#include "hoist/checkpoint/diff/diff_catalogs.h"

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/tensor/ops/crc32c.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Two float32 numbers over a storage of its own, with that checksum.
void Add(Catalog& catalog, const std::string& name,
         std::optional<uint32_t> crc32) {
  catalog.tensors.push_back(
      {.name = name,
       .spec = {DType::kFloat32, {2}, {1}},
       .storage = static_cast<int>(catalog.storages.size())});
  catalog.storages.push_back({.size_bytes = 8, .crc32 = crc32});
}

Catalog CatalogWith(
    const std::vector<std::pair<std::string, std::optional<uint32_t>>>&
        tensors) {
  Catalog catalog;
  for (const auto& [name, crc32] : tensors) {
    Add(catalog, name, crc32);
  }
  return catalog;
}

CatalogsDiff Diff(const Catalog& a, const Catalog& b,
                  const DiffCatalogsOptions& options = {}) {
  auto diff = DiffCatalogs(a, b, options);
  HOIST_EXPECT_OK(diff.status());
  return *std::move(diff);
}

TEST(DiffCatalogsTest, ChecksumsTellWhatIsTheSame) {
  const Catalog a = CatalogWith({{"x", 1}, {"y", 2}, {"z", std::nullopt}});
  const Catalog b = CatalogWith({{"x", 1}, {"y", 3}, {"z", 4}});
  const CatalogsDiff diff = Diff(a, b);
  EXPECT_THAT(diff.unknown, ElementsAre(TensorPair{2, 2}));
  EXPECT_EQ(diff.report.same_count, 2);
  EXPECT_EQ(diff.report.not_read_count, 1);
  EXPECT_EQ(diff.report.checksum_count, 2);
  EXPECT_EQ(diff.report.checksum_bytes, 16);
  ASSERT_THAT(diff.report.changed, SizeIs(1));
  EXPECT_EQ(diff.report.changed[0].elements, ElementsDiff::kDifferent);
  EXPECT_THAT(Diff(a, b, {.distrust_checksums = true}).unknown, SizeIs(2));
}

TEST(DiffCatalogsTest, ChecksumsOfPartsTellLess) {
  Catalog a = CatalogWith({{"x", 1}});
  Catalog b = CatalogWith({{"x", 2}});
  for (Catalog* const catalog : {&a, &b}) {
    catalog->tensors[0].spec.shape = {1};
  }
  // What differs may be behind it.
  EXPECT_THAT(Diff(a, b).unknown, SizeIs(1));
  b.storages[0].crc32 = 1;
  EXPECT_THAT(Diff(a, b).unknown, IsEmpty());
  EXPECT_TRUE(IsSame(Diff(a, b).report));
  b.tensors[0].storage_offset = 1;
  EXPECT_THAT(Diff(a, b).unknown, SizeIs(1));
  b.tensors[0].storage_offset = 0;
  b.storages[0].swap_bytes = 4;
  EXPECT_THAT(Diff(a, b).unknown, SizeIs(1));
  b.storages[0].swap_bytes = 1;
  b.tensors[0].is_negative = true;
  EXPECT_THAT(Diff(a, b).unknown, SizeIs(1));
}

TEST(DiffCatalogsTest, ChunksHaveAChecksumTogether) {
  const std::string bytes(8192, 'x');
  const auto chunk = [](absl::string_view text) {
    StorageChunk made;
    made.size_bytes = static_cast<uint32_t>(text.size());
    made.crc32c =
        Crc32c({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
    return made;
  };
  const auto with = [&](std::vector<StorageChunk> chunks) {
    Catalog catalog = CatalogWith({{"x", std::nullopt}});
    catalog.tensors[0].spec.shape = {2048};
    catalog.storages[0].size_bytes = 8192;
    catalog.storages[0].chunks = std::move(chunks);
    return catalog;
  };
  const Catalog whole = with({chunk(bytes)});
  const absl::string_view half = absl::string_view(bytes).substr(4096);
  EXPECT_EQ(Diff(whole, with({chunk(half), chunk(half)})).report.checksum_count,
            1);
  EXPECT_FALSE(IsSame(Diff(whole, with({chunk(half), chunk("y")})).report));
  EXPECT_THAT(Diff(whole, CatalogWith({{"x", 1}})).report.changed, SizeIs(1));
}

TEST(DiffCatalogsTest, ShapesDtypesAndData) {
  const Catalog a =
      CatalogWith({{"s", 1}, {"d", 1}, {"n", 1}, {"gone", std::nullopt}});
  Catalog b =
      CatalogWith({{"new", std::nullopt}, {"n", 1}, {"d", 1}, {"s", 1}});
  b.tensors[3].spec.shape = {1, 2};
  b.tensors[3].spec.strides = {2, 1};
  b.tensors[2].spec.dtype = DType::kInt32;
  b.tensors[1].storage.reset();
  const DiffReport report = Diff(a, b).report;
  EXPECT_THAT(report.removed, ElementsAre(3));
  EXPECT_THAT(report.added, ElementsAre(0));
  ASSERT_THAT(report.changed, SizeIs(3));
  EXPECT_TRUE(report.changed[0].is_shape_different);
  EXPECT_EQ(report.changed[0].elements, ElementsDiff::kIncomparable);
  EXPECT_TRUE(report.changed[1].is_dtype_different);
  EXPECT_EQ(report.changed[1].elements, ElementsDiff::kNotRead);
  EXPECT_TRUE(report.changed[2].is_data_missing);
}

TEST(DiffCatalogsTest, RenamesByChecksums) {
  const Catalog a =
      CatalogWith({{"model.x.weight", 1}, {"model.y.weight", 1}, {"z", 3}});
  const Catalog b =
      CatalogWith({{"y.weight", 1}, {"x.weight", 1}, {"zz", 4}, {"more", 1}});
  const DiffReport report = Diff(a, b).report;
  EXPECT_THAT(report.renamed, ElementsAre(TensorPair{0, 1}, TensorPair{1, 0}));
  EXPECT_THAT(report.removed, ElementsAre(2));
  EXPECT_THAT(report.added, ElementsAre(2, 3));
  EXPECT_FALSE(IsSame(report));
}

TEST(DiffCatalogsTest, NamesThatAreThereTwice) {
  const Catalog a = CatalogWith({{"x", 1}, {"x", 2}});
  EXPECT_TRUE(IsSame(Diff(a, a).report));
  EXPECT_THAT(Diff(a, CatalogWith({{"x", 1}})).report.removed, ElementsAre(1));
}

TEST(DiffCatalogsTest, FlagsOrderAndTiesAreRemarks) {
  const Catalog a = CatalogWith({{"x", 1}, {"y", 1}});
  Catalog b = CatalogWith({{"y", 1}, {"x", 1}});
  b.tensors[0].requires_grad = true;
  b.tensors[1].is_parameter = true;
  b.tensors[1].location = "cuda:0";
  b.tensors[1].storage = 0;
  const DiffReport report = Diff(a, b).report;
  EXPECT_TRUE(IsSame(report));
  EXPECT_THAT(
      report.remarks,
      ElementsAre(HasSubstr("another order"),
                  HasSubstr("requires_grad is another: y"),
                  HasSubstr("parameter, and one is not: x"),
                  HasSubstr("other devices: x"), HasSubstr("only in B: y")));
}

TEST(DiffCatalogsTest, MetadataAndWhatIsKeptThere) {
  Catalog a;
  a.format = Format::kSafetensors;
  a.metadata = {{"format", "pt"}, {"epoch", "3"}, {"hoist.digest", "x"}};
  Catalog b = a;
  b.metadata = {{"format", "pt"}, {"epoch", "4"}, {"note", "n"}};
  const DiffReport report = Diff(a, b).report;
  ASSERT_THAT(report.metadata, SizeIs(2));
  EXPECT_EQ(report.metadata[0].key, "epoch");
  EXPECT_EQ(report.metadata[1].a, std::nullopt);
  EXPECT_TRUE(IsSame(Diff(a, b, {.only_tensors = true}).report));

  // A pickle has the number itself.
  auto graph = std::make_shared<ValueGraph>();
  Catalog pickled;
  pickled.root_id = graph->AddItems(
      ValueKind::kDict, {graph->AddString("epoch"), graph->AddInt(3)});
  pickled.values = graph;
  auto empty = std::make_shared<ValueGraph>();
  a.root_id = empty->AddItems(ValueKind::kDict, {});
  a.values = empty;
  EXPECT_TRUE(IsSame(Diff(pickled, a).report));
  a.metadata[1].second = "4";
  EXPECT_EQ(Diff(pickled, a).report.value_count, 1);
}

}  // namespace
}  // namespace hoist
