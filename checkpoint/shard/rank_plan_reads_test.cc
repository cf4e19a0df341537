// Plans of ranks held against what a load of each then reads, of storages that
// are in chunks and of tensors that are in pieces.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/formats/dcp/join_pieces.h"
#include "hoist/checkpoint/formats/native/native_writer.h"
#include "hoist/checkpoint/load/counting_file.h"
#include "hoist/checkpoint/load/load_catalog.h"
#include "hoist/checkpoint/load/test_checkpoint.h"
#include "hoist/checkpoint/shard/rank_plan.h"
#include "hoist/checkpoint/shard/rank_slices.h"
#include "hoist/core/io/memory_file.h"
#include "hoist/core/io/posix_file_system.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_directory.h"

namespace hoist {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

constexpr const char* kRules[] = {
    R"({"names": "*", "split": {"dim": 0, "uneven": "chunk"}})",
    R"({"names": "*", "split": {"dim": 1, "uneven": "chunk"}})",
    R"({"names": "*", "split": {"dim": 1, "uneven": "balanced"}})",
    R"({"names": "t1", "split": {"dim": 0, "uneven": "balanced"}},
       {"names": "*", "fused_qkv": {"dim": 0, "heads": 8, "kv_heads": 2}})",
    R"({"names": "t1", "replicate": true},
       {"names": "*", "fused_qkv": {"dim": 1, "heads": 8, "kv_heads": 2}})",
    R"({"names": "t1", "replicate": true},
       {"names": "*", "fused": {"dim": 0, "parts": 3}})",
    R"({"names": "t1", "ranks": {"at": [0]}, "replicate": true},
       {"names": "*", "fused": {"dim": 1, "parts": 3}})",
};

ShardSpec SpecOf(absl::string_view rules) {
  auto spec = ParseShardSpec(absl::StrCat(
      "{\"schema\": \"hoist.shard_spec/1\", \"rules\": [", rules, "]}"));
  HOIST_EXPECT_OK(spec.status());
  return *std::move(spec);
}

// A catalog, and the files that all reads of it end in.
struct Source {
  Catalog catalog;
  std::vector<std::shared_ptr<const RandomAccessFile>> files;
  std::vector<std::shared_ptr<CountingFile>> counted;

  uint64_t ReadBytes() const {
    uint64_t bytes = 0;
    for (const auto& file : counted) {
      bytes += file->bytes();
    }
    return bytes;
  }
};

// Calls `expect` with the plan of each rank of each layout, and with what is
// read when it is loaded from `make()`; returns how many plans there were.
int ForEachPlan(
    const std::function<Source()>& make, const SliceOptions& options,
    const std::function<void(const RankPlan& plan, uint64_t read)>& expect) {
  int count = 0;
  const Source planned = make();
  for (const char* const rules : kRules) {
    for (const int world_size : {1, 2, 3, 8}) {
      SCOPED_TRACE(absl::StrCat(rules, ", ", world_size, " ranks"));
      const ShardSpec spec = SpecOf(rules);
      const auto layout =
          ShardLayout::Create(planned.catalog, spec, world_size);
      if (!layout.ok()) {  // what does not divide
        continue;
      }
      const std::vector<RankPlan> plans = PlanRanks(
          planned.catalog, *layout, options.max_gap_bytes, options.verify);
      EXPECT_EQ(planned.ReadBytes(), 0u);
      for (int rank = 0; rank < world_size; ++rank) {
        SCOPED_TRACE(absl::StrCat("rank ", rank));
        const Source source = make();
        const auto slices =
            SliceForRank(source.catalog, source.files, *layout, rank, options);
        if (!slices.ok()) {
          ADD_FAILURE() << slices.status();
          return 0;
        }
        HOIST_EXPECT_OK(LoadCatalog(slices->catalog, slices->files,
                                    {.verify_checksums = options.verify}));
        const RankPlan& plan = plans[static_cast<size_t>(rank)];
        EXPECT_EQ(plan.needed_bytes, slices->report.needed_bytes);
        expect(plan, source.ReadBytes());
        ++count;
      }
    }
  }
  return count;
}

struct ChunkedCase {
  uint32_t chunk_bytes;
  bool compress;
  bool verify;
};

class ChunkedPlanTest : public ::testing::TestWithParam<ChunkedCase> {
 protected:
  // A file in Hoist's own format, with numbers that compress and, in t2, bytes
  // that do not.
  std::string Write() {
    const std::vector<std::vector<int64_t>> shapes = {
        {384, 768}, {95, 1001}, {1200, 96}, {768, 1536}};
    std::vector<std::string> storages;
    for (size_t i = 0; i < shapes.size(); ++i) {
      storages.push_back(
          TestBytes(static_cast<size_t>(shapes[i][0] * shapes[i][1]) * 2,
                    static_cast<uint32_t>(i)));
      for (size_t at = 1; i != 2 && at < storages[i].size(); at += 2) {
        storages[i][at] = 0x3f;
      }
    }
    TestCheckpoint model(storages);
    for (size_t i = 0; i < shapes.size(); ++i) {
      model.catalog.tensors[i].spec =
          *ContiguousSpec(DType::kBfloat16, shapes[i]);
    }
    auto values = std::make_shared<ValueGraph>();
    model.catalog.root_id = values->AddItems(ValueKind::kDict, {});
    model.catalog.values = std::move(values);
    HOIST_EXPECT_OK(WriteNative(model.catalog, model.files,
                                *NewPosixFileSystem(), folder_.path("model"),
                                {.compress = GetParam().compress},
                                GetParam().chunk_bytes));
    return folder_.Read("model");
  }

  const TempDirectory folder_;
};

INSTANTIATE_TEST_SUITE_P(All, ChunkedPlanTest,
                         ::testing::Values(ChunkedCase{4096, true, true},
                                           ChunkedCase{65536, true, true},
                                           ChunkedCase{65536, true, false},
                                           ChunkedCase{4096, false, true},
                                           ChunkedCase{65536, false, false}),
                         [](const auto& info) {
                           return absl::StrCat(
                               info.param.chunk_bytes,
                               info.param.compress ? "Compressed" : "Raw",
                               info.param.verify ? "Verified" : "");
                         });

TEST_P(ChunkedPlanTest, IsWhatIsRead) {
  const auto file = std::make_shared<MemoryFile>(Write());
  const auto make = [&file] {
    Source source;
    source.counted = {std::make_shared<CountingFile>(file)};
    auto checkpoint = Checkpoint::Open(source.counted[0]);
    HOIST_EXPECT_OK(checkpoint.status());
    source.catalog = checkpoint->catalog();
    // What was read to open it does not count.
    source.counted = {std::make_shared<CountingFile>(file)};
    source.files = {source.counted[0]};
    return source;
  };
  ASSERT_FALSE(make().catalog.storages[0].chunks.empty());
  EXPECT_EQ(make().catalog.storages[0].is_compressed(), GetParam().compress);
  const SliceOptions options = {.verify = GetParam().verify};
  const int count =
      ForEachPlan(make, options, [](const RankPlan& plan, uint64_t read) {
        EXPECT_GE(read, plan.read_bytes);
        // Storages begin at multiples of so much; and a chunk that two reads of
        // a part need is read by both.
        const uint64_t more =
            4 * 4096 + plan.needed_bytes / kMiB * GetParam().chunk_bytes;
        EXPECT_LE(read, plan.read_bytes + more);
      });
  EXPECT_GT(count, 80);
}

TEST_P(ChunkedPlanTest, IsWhatTheReportSays) {
  const auto file =
      std::make_shared<CountingFile>(std::make_shared<MemoryFile>(Write()));
  HOIST_ASSERT_OK_AND_ASSIGN(const Checkpoint checkpoint,
                             Checkpoint::Open(file));
  for (const char* const rules : kRules) {
    const ShardSpec spec = SpecOf(rules);
    HOIST_ASSERT_OK_AND_ASSIGN(
        const ShardLayout layout,
        ShardLayout::Create(checkpoint.catalog(), spec, 2));
    const std::vector<RankPlan> plans =
        PlanRanks(checkpoint.catalog(), layout,
                  RankOptions::kDefaultMaxGapBytes, GetParam().verify);
    for (const int rank : {0, 1}) {
      SCOPED_TRACE(absl::StrCat(rules, ", rank ", rank));
      const uint64_t before = file->bytes();
      HOIST_ASSERT_OK_AND_ASSIGN(
          const LoadResult loaded,
          Load(
              checkpoint,
              {.rank = RankOptions{.spec = spec, .rank = rank, .world_size = 2},
               .verify_checksums = GetParam().verify}));
      const RankPlan& plan = plans[static_cast<size_t>(rank)];
      EXPECT_EQ(loaded.report.rank->needed_bytes, plan.needed_bytes);
      EXPECT_EQ(loaded.report.rank->read_bytes, file->bytes() - before);
      EXPECT_EQ(loaded.tensors.size(), static_cast<size_t>(plan.tensor_count));
    }
  }
}

// A tensor of float32 in `rows` times `columns` pieces, each in a file of its
// own; there column by column, if it is turned.
void AddPieces(const std::vector<int64_t>& shape, int64_t rows, int64_t columns,
               bool is_turned, const std::shared_ptr<BlockCache>& cache,
               PiecedCheckpoint& to,
               std::vector<std::shared_ptr<CountingFile>>& counted) {
  std::vector<FoundPiece> pieces;
  const int64_t height = (shape[0] + rows - 1) / rows;
  const int64_t width = (shape[1] + columns - 1) / columns;
  for (int64_t row = 0; row < shape[0]; row += height) {
    for (int64_t column = 0; column < shape[1]; column += width) {
      const std::vector<int64_t> sizes = {std::min(height, shape[0] - row),
                                          std::min(width, shape[1] - column)};
      const auto size = static_cast<uint64_t>(sizes[0] * sizes[1]) * 4;
      const auto file = static_cast<int>(to.files.size());
      counted.push_back(std::make_shared<CountingFile>(
          std::make_shared<MemoryFile>(std::string(size, 'x'))));
      to.files.push_back(counted.back());
      to.catalog.files.push_back(
          {.path = absl::StrCat("file ", file), .size_bytes = size});
      pieces.push_back({.box = {{row, column}, sizes},
                        .storage = {.file = file, .size_bytes = size},
                        .spec = *ContiguousSpec(DType::kFloat32, sizes)});
      if (is_turned) {
        pieces.back().spec.strides = {1, sizes[0]};
      }
    }
  }
  auto tensor =
      JoinPieces(absl::StrCat("t", to.catalog.tensors.size()), DType::kFloat32,
                 shape, std::move(pieces), cache, to);
  HOIST_ASSERT_OK(tensor.status());
  to.catalog.tensors.push_back(*std::move(tensor));
}

Source PiecesSource(bool is_turned) {
  Source source;
  PiecedCheckpoint pieced;
  const auto cache = std::make_shared<BlockCache>(size_t{64} << 20);
  const auto add = [&](const std::vector<int64_t>& shape, int64_t rows,
                       int64_t columns) {
    AddPieces(shape, rows, columns, is_turned, cache, pieced, source.counted);
  };
  add({384, 768}, 4, 1);
  add({95, 1001}, 1, 3);
  add({1200, 96}, 7, 5);
  add({240, 240}, 1, 1);
  source.catalog = std::move(pieced.catalog);
  source.files = std::move(pieced.files);
  return source;
}

TEST(PiecesPlanTest, IsWhatIsRead) {
  for (const uint64_t max_gap_bytes : {0, 4096}) {
    const int count = ForEachPlan(
        [] { return PiecesSource(false); }, {.max_gap_bytes = max_gap_bytes},
        [&](const RankPlan& plan, uint64_t read) {
          EXPECT_LE(read, plan.read_bytes);
          // But for a gap at the end of each long read.
          EXPECT_GE(read + (plan.read_bytes / kMiB + 4) * max_gap_bytes,
                    plan.read_bytes);
        });
    EXPECT_GT(count, 80);
  }
}

TEST(PiecesPlanTest, PiecesThatAreTurnedAreReadOnceAtMost) {
  uint64_t all_bytes = 0;
  for (const auto& file : PiecesSource(true).counted) {
    all_bytes += file->size_bytes();
  }
  const int count = ForEachPlan([] { return PiecesSource(true); }, {},
                                [&](const RankPlan& plan, uint64_t read) {
                                  EXPECT_GE(read, plan.needed_bytes);
                                  EXPECT_LE(read, all_bytes);
                                });
  EXPECT_GT(count, 80);
}

}  // namespace
}  // namespace hoist
