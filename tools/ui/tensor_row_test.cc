#include "hoist/tools/ui/tensor_row.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoist {
namespace {

TensorEntry Entry(std::string name, std::vector<int64_t> shape,
                  std::optional<int> storage, int64_t storage_offset = 0) {
  TensorEntry entry;
  entry.name = std::move(name);
  entry.spec = *ContiguousSpec(DType::kFloat32, std::move(shape));
  entry.storage = storage;
  entry.storage_offset = storage_offset;
  return entry;
}

TEST(TensorRowsTest, FindsTiedWeights) {
  Catalog catalog;
  catalog.tensors = {
      Entry("embed", {10, 5}, 0), Entry("other", {10, 5}, 1),
      Entry("head", {10, 5}, 0),  Entry("transposed", {5, 10}, 0),
      Entry("row", {5}, 0),       Entry("next_row", {5}, 0, 5),
  };
  const std::vector<TensorRow> rows = TensorRows(catalog);
  EXPECT_EQ(rows[0].tied_to, std::nullopt);
  EXPECT_EQ(rows[1].tied_to, std::nullopt);
  EXPECT_EQ(rows[2].tied_to, 0);
  EXPECT_EQ(rows[3].tied_to, 0);
  // Parts of the same storage are not the same weight.
  EXPECT_EQ(rows[4].tied_to, std::nullopt);
  EXPECT_EQ(rows[5].tied_to, std::nullopt);
}

TEST(TensorRowsTest, TensorsWithoutElementsOrDataAreNotTied) {
  Catalog catalog;
  catalog.tensors = {Entry("a", {0}, 0), Entry("b", {0}, 0),
                     Entry("c", {3}, std::nullopt),
                     Entry("d", {3}, std::nullopt)};
  for (const TensorRow& row : TensorRows(catalog)) {
    EXPECT_EQ(row.tied_to, std::nullopt) << row.name;
  }
}

TEST(TensorRowsTest, KnowsBuffersOfNormalization) {
  Catalog catalog;
  catalog.tensors = {Entry("bn.running_mean", {4}, 0),
                     Entry("bn.weight", {4}, 1), Entry("running_var", {4}, 2)};
  const std::vector<TensorRow> rows = TensorRows(catalog);
  EXPECT_EQ(ParameterCount(rows[0]), 0);
  EXPECT_EQ(ParameterCount(rows[1]), 4);
  EXPECT_EQ(ParameterCount(rows[2]), 0);
  EXPECT_EQ(rows[1].bytes, 16);
}

}  // namespace
}  // namespace hoist
