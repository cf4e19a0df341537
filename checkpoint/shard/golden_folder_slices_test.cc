// Checkpoints of several files that the real libraries wrote, loaded whole and
// as any rank of several, held against what the same libraries say is in them.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/load/naive_load.h"
#include "hoist/checkpoint/load/tensor_bytes.h"
#include "hoist/checkpoint/shard/slice_oracle.h"
#include "hoist/checkpoint/testing/golden_folder.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

constexpr int kWorldSizes[] = {1, 2, 3, 8};

// Rules for names that are in the folders.
constexpr absl::string_view kSpec = R"({
  "schema": "hoist.shard_spec/1",
  "rules": [
    {"names": "*.step", "replicate": true},
    {"names": ["columns.*", "middle", "deep", "grid_turned", "a.weight",
               "*.down*.weight"],
     "split": {"dim": 1, "uneven": "balanced"}},
    {"names": ["last", "grid"], "split": {"dim": -1, "uneven": "chunk"}},
    {"names": ["rows*", "grid_*", "hybrid", "transposed", "layer.*",
               "*weight", "*.bias", "*exp_avg*"],
     "split": {"dim": 0, "uneven": "balanced"}},
    {"names": "*", "replicate": true}]})";
// Ranks in rows and columns, which need not be those of the save.
constexpr absl::string_view kMeshSpec = R"({
  "schema": "hoist.shard_spec/1",
  "mesh": {"data": 2, "model": "rest"},
  "rules": [
    {"names": "*.step", "replicate": true},
    {"names": ["rows*", "grid*", "*weight", "layer.*"],
     "split": {"dim": 0, "axis": "model", "uneven": "chunk"}},
    {"names": ["columns.*", "deep", "middle", "last"],
     "split": {"dim": 1, "axis": "data", "uneven": "chunk"}},
    {"names": "*", "replicate": true}]})";

class GoldenFolderSlicesTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    HOIST_ASSERT_OK_AND_ASSIGN(const Checkpoint checkpoint,
                               Checkpoint::Open(GetParam(), {.pool = &pool_}));
    checkpoint_.emplace(checkpoint);
    whole_ = NaiveLoad(checkpoint.catalog(), checkpoint.files());
    // So parts of these are parts of the library's own tensors.
    ExpectElementsOfLibrary(GetParam(), checkpoint.catalog(), whole_);
  }

  int ExpectRanks(const ShardSpec& spec, int world_size);

  ThreadPool pool_{2};
  std::optional<Checkpoint> checkpoint_;
  std::vector<std::string> whole_;
};

INSTANTIATE_TEST_SUITE_P(
    All, GoldenFolderSlicesTest, ::testing::ValuesIn(GoldenFolders()),
    [](const auto& info) {
      return std::filesystem::path(info.param).filename().string();
    });

TEST(GoldenFoldersTest, AreThere) { EXPECT_EQ(GoldenFolders().size(), 17u); }

// Holds what Load() gives each rank against parts of the whole tensors; returns
// how many of them were cut.
int GoldenFolderSlicesTest::ExpectRanks(const ShardSpec& spec, int world_size) {
  const Catalog& catalog = checkpoint_->catalog();
  const auto layout = ShardLayout::Create(catalog, spec, world_size);
  if (!layout.ok()) {
    ADD_FAILURE() << layout.status();
    return 0;
  }
  int cut = 0;
  for (int rank = 0; rank < world_size; ++rank) {
    const auto loaded = Load(
        *checkpoint_,
        {.rank =
             RankOptions{.spec = spec, .rank = rank, .world_size = world_size},
         .pool = &pool_});
    if (!loaded.ok()) {
      ADD_FAILURE() << loaded.status();
      return 0;
    }
    EXPECT_EQ(loaded->tensors.size(), catalog.tensors.size());
    for (size_t i = 0; i < catalog.tensors.size(); ++i) {
      const TensorEntry& tensor = catalog.tensors[i];
      const Tensor* const part = loaded->tensors.Find(tensor.name);
      if (part == nullptr) {
        ADD_FAILURE() << "Rank " << rank << " does not have " << tensor.name;
        continue;
      }
      std::vector<int64_t> shape = tensor.spec.shape;
      std::string elements = whole_[i];
      const ShardLayout::Division& division = layout->division(i);
      if (division.kind != ShardLayout::Division::Kind::kWhole) {
        const IndexRanges ranges = layout->PartOf(i, rank);
        elements =
            NaivePart(elements, shape, division.dim, ranges,
                      static_cast<size_t>(DTypeBits(tensor.spec.dtype)) / 8);
        shape[division.dim] = ranges.empty() ? 0 : ranges[0].count;
        ++cut;
      }
      EXPECT_EQ(part->spec().dtype, tensor.spec.dtype) << tensor.name;
      EXPECT_EQ(part->spec().shape, shape) << tensor.name;
      EXPECT_TRUE(BytesOf(*part) == elements)
          << tensor.name << " of rank " << rank << " has other bytes";
    }
  }
  return cut;
}

TEST_P(GoldenFolderSlicesTest, TheWholeIsThatOfTheLibrary) {
  HOIST_ASSERT_OK_AND_ASSIGN(const LoadResult loaded,
                             Load(*checkpoint_, {.pool = &pool_}));
  ExpectTensorsOfLibrary(GetParam(), loaded.tensors);
}

TEST_P(GoldenFolderSlicesTest, EveryRankHasItsPartOfADimension) {
  for (const int64_t dim : {0, 1, -1}) {
    for (const int world_size : kWorldSizes) {
      SCOPED_TRACE(absl::StrCat("dimension ", dim, ", ", world_size, " ranks"));
      const ShardSpec spec = SplitEveryTensor(dim);
      // One rank has all.
      EXPECT_EQ(ExpectRanks(spec, world_size) > 0, world_size > 1);
      // And ties, and what is read run by run.
      ExpectEveryRank(checkpoint_->catalog(), checkpoint_->files(), spec,
                      world_size, {.max_gap_bytes = 0});
    }
  }
}

TEST_P(GoldenFolderSlicesTest, EveryRankHasItsPartByPatterns) {
  HOIST_ASSERT_OK_AND_ASSIGN(const ShardSpec spec, ParseShardSpec(kSpec));
  for (const int world_size : kWorldSizes) {
    SCOPED_TRACE(absl::StrCat(world_size, " ranks"));
    EXPECT_EQ(ExpectRanks(spec, world_size) > 0, world_size > 1);
  }
  HOIST_ASSERT_OK_AND_ASSIGN(const ShardSpec mesh, ParseShardSpec(kMeshSpec));
  for (const int world_size : {4, 8}) {
    SCOPED_TRACE(absl::StrCat("2 times ", world_size / 2, " ranks"));
    EXPECT_GT(ExpectRanks(mesh, world_size), 0);
  }
}

}  // namespace
}  // namespace hoist
