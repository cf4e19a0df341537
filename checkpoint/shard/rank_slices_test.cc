#include "hoist/checkpoint/shard/rank_slices.h"

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/load/counting_file.h"
#include "hoist/checkpoint/load/load_catalog.h"
#include "hoist/checkpoint/load/random_checkpoint.h"
#include "hoist/checkpoint/load/test_checkpoint.h"
#include "hoist/checkpoint/shard/shard_layout.h"
#include "hoist/checkpoint/shard/shard_spec.h"
#include "hoist/checkpoint/shard/slice_oracle.h"
#include "hoist/core/io/memory_file.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::HasSubstr;

ShardSpec SpecOf(const std::string& rules) {
  auto spec = ParseShardSpec(absl::StrCat(
      "{\"schema\": \"hoist.shard_spec/1\", \"rules\": [", rules, "]}"));
  HOIST_EXPECT_OK(spec.status());
  return *std::move(spec);
}

class RandomSlicesTest : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Seeds, RandomSlicesTest, ::testing::Range(0, 60));

TEST_P(RandomSlicesTest, EveryRankHasItsPart) {
  std::mt19937 random(static_cast<uint32_t>(GetParam()));
  const RandomCheckpoint checkpoint(random, {});
  for (const int world_size : {1, 2, 3, 8}) {
    for (const int64_t dim : {0, 1, -1}) {
      SCOPED_TRACE(absl::StrCat(world_size, " ranks, dimension ", dim));
      ExpectEveryRank(checkpoint.catalog(), checkpoint.files(),
                      SplitEveryTensor(dim), world_size,
                      {.max_gap_bytes = Below(random, 2) * 4096,
                       .verify = Below(random, 4) != 0});
    }
  }
}

// Parts that are several ranges, of whatever can be divided so.
TEST_P(RandomSlicesTest, FusedParts) {
  std::mt19937 random(static_cast<uint32_t>(GetParam()));
  const RandomCheckpoint checkpoint(random, {});
  Catalog catalog = checkpoint.catalog();
  std::vector<TensorEntry> kept;
  for (TensorEntry tensor : catalog.tensors) {
    if (!tensor.spec.shape.empty() && tensor.spec.shape.back() >= 6 &&
        tensor.storage) {
      tensor.spec.shape.back() = tensor.spec.shape.back() / 6 * 6;
      kept.push_back(tensor);
    }
  }
  catalog.tensors = kept;
  if (kept.empty()) {
    return;
  }
  for (const int world_size : {1, 2}) {
    EXPECT_GE(ExpectEveryRank(catalog, checkpoint.files(),
                              SpecOf("{\"names\": \"*\", \"fused\": {\"dim\": "
                                     "-1, \"parts\": 3}}"),
                              world_size),
              world_size - 1);
  }
}

// A tensor "t" of `shape` that is all of a file.
struct OneTensor {
  explicit OneTensor(std::vector<int64_t> shape) {
    catalog.tensors.push_back({.name = "t",
                               .spec = *ContiguousSpec(DType::kFloat32, shape),
                               .storage = 0});
    const auto bytes =
        static_cast<size_t>(*LogicalBytes(catalog.tensors[0].spec));
    catalog.storages.push_back(
        {.offset_bytes = 7, .size_bytes = bytes, .name = "data/0"});
    catalog.files.push_back({.path = "memory", .size_bytes = bytes + 7});
    file = std::make_shared<CountingFile>(std::make_shared<MemoryFile>(
        absl::StrCat("1234567", TestBytes(bytes, 1))));
    files = {file};
  }

  Catalog catalog;
  std::shared_ptr<CountingFile> file;
  std::vector<std::shared_ptr<const RandomAccessFile>> files;
};

LoadResult LoadRank(const OneTensor& one, int64_t dim, int rank,
                    const SliceOptions& options, RankReport* report) {
  auto layout = ShardLayout::Create(one.catalog, SplitEveryTensor(dim), 8);
  HOIST_EXPECT_OK(layout.status());
  auto slices = SliceForRank(one.catalog, one.files, *layout, rank, options);
  HOIST_EXPECT_OK(slices.status());
  *report = slices->report;
  auto loaded = LoadCatalog(slices->catalog, slices->files, {});
  HOIST_EXPECT_OK(loaded.status());
  return *std::move(loaded);
}

TEST(RankSlicesTest, RowsAreReadAlone) {
  const OneTensor one({64, 1000});
  RankReport report;
  const LoadResult loaded = LoadRank(one, 0, 3, {}, &report);
  EXPECT_EQ(report.needed_bytes, 8u * 4000);
  // Up to the alignment of elements.
  EXPECT_LE(one.file->bytes(), report.needed_bytes + 16);
  EXPECT_EQ(loaded.tensors.begin()->tensor.spec().shape,
            (std::vector<int64_t>{8, 1000}));
}

TEST(RankSlicesTest, ColumnsAreCompactAndGapsAreChosen) {
  const OneTensor one({64, 8000});  // runs of 4000 bytes, gaps of 28000
  RankReport report;
  const LoadResult loaded =
      LoadRank(one, 1, 3, {.max_gap_bytes = 27'999}, &report);
  EXPECT_EQ(report.needed_bytes, 64u * 4000);
  EXPECT_EQ(one.file->bytes(), report.needed_bytes);
  EXPECT_EQ(one.file->reads(), 64);
  const Tensor& tensor = loaded.tensors.begin()->tensor;
  EXPECT_TRUE(IsContiguous(tensor.spec()));
}

TEST(RankSlicesTest, SmallGapsAreReadAlong) {
  const OneTensor one({64, 80});  // runs of 40 bytes, gaps of 280
  RankReport report;
  LoadRank(one, 1, 3, {.max_gap_bytes = 280}, &report);
  EXPECT_EQ(one.file->reads(), 1);
  EXPECT_EQ(one.file->bytes(), 63u * 320 + 40);
}

TEST(RankSlicesTest, TiedTensorsStayTied) {
  OneTensor one({64, 80});
  one.catalog.tensors.push_back(one.catalog.tensors[0]);
  one.catalog.tensors[1].name = "u";
  for (const int64_t dim : {0, 1}) {
    RankReport report;
    const LoadResult loaded = LoadRank(one, dim, 2, {}, &report);
    EXPECT_EQ(report.needed_bytes, 64u * 80 * 4 / 8);
    EXPECT_EQ(loaded.tensors.Find("t")->data(),
              loaded.tensors.Find("u")->data());
  }
}

TEST(RankSlicesTest, RanksThatAreNoneAreRefused) {
  const OneTensor one({8});
  HOIST_ASSERT_OK_AND_ASSIGN(
      const ShardLayout layout,
      ShardLayout::Create(one.catalog, SplitEveryTensor(0), 2));
  EXPECT_THAT(SliceForRank(one.catalog, one.files, layout, 2),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("Rank 2 is none of 2")));
}

}  // namespace
}  // namespace hoist
