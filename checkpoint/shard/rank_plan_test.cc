#include "hoist/checkpoint/shard/rank_plan.h"

#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/load/test_checkpoint.h"
#include "hoist/checkpoint/shard/rank_slices.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

// Tensors that each have a storage of their own, far from each other.
TestCheckpoint ModelOf(std::mt19937& random) {
  std::vector<std::string> storages;
  std::vector<std::vector<int64_t>> shapes;
  for (int i = 0; i < 12; ++i) {
    const auto rows = static_cast<int64_t>(random() % 8 + 1) * 12;
    const auto columns = static_cast<int64_t>(random() % 40 + 1) * 12;
    shapes.push_back({rows, columns});
    storages.push_back(TestBytes(static_cast<size_t>(rows * columns) * 4, 1));
  }
  TestCheckpoint checkpoint(storages);
  for (size_t i = 0; i < shapes.size(); ++i) {
    TensorEntry& tensor = checkpoint.catalog.tensors[i];
    tensor.name = absl::StrCat("layers.", i % 6, i < 6 ? ".up" : ".qkv");
    tensor.spec = *ContiguousSpec(DType::kFloat32, shapes[i]);
  }
  // Two of them are one.
  checkpoint.catalog.tensors.push_back(checkpoint.catalog.tensors[0]);
  return checkpoint;
}

constexpr const char* kRules[] = {
    R"({"names": "*", "split": {"dim": 0, "uneven": "chunk"}})",
    R"({"names": "*", "split": {"dim": 1, "uneven": "chunk"}})",
    R"({"names": "*", "split": {"dim": 1, "uneven": "balanced"}})",
    R"({"names": "*", "split": {"dim": 0, "units": 12, "uneven": "chunk"}})",
    R"({"names": "*.qkv", "fused_qkv": {"dim": 1, "heads": 8,
        "kv_heads": 2}}, {"names": "*.up", "replicate": true})",
    R"({"names": "*.qkv", "fused_qkv": {"dim": 0, "heads": 8,
        "kv_heads": 2}}, {"names": "*.up", "fused": {"dim": 1, "parts": 3}})",
    R"({"names": "layers.*", "layers": {}},
       {"names": "*.up", "split": {"dim": 1, "uneven": "chunk"}})",
    R"({"names": "layers.*.up", "ranks": {"at": [0, -1]}})",
};

class RankPlanTest : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Seeds, RankPlanTest, ::testing::Range(0, 10));

TEST_P(RankPlanTest, SaysOfEachRankWhatItsSlicesTake) {
  std::mt19937 random(static_cast<uint32_t>(GetParam()));
  TestCheckpoint checkpoint = ModelOf(random);
  for (const char* const rules : kRules) {
    for (const int world_size : {1, 2, 4}) {
      SCOPED_TRACE(absl::StrCat(rules, " ", world_size));
      HOIST_ASSERT_OK_AND_ASSIGN(
          const ShardSpec spec,
          ParseShardSpec(
              absl::StrCat("{\"schema\": \"hoist.shard_spec/1\", \"rules\": [",
                           rules, "]}")));
      const auto layout =
          ShardLayout::Create(checkpoint.catalog, spec, world_size);
      if (!layout.ok()) {  // what does not divide
        continue;
      }
      const uint64_t max_gap_bytes = random() % 2 * 600;
      const std::vector<RankPlan> plans =
          PlanRanks(checkpoint.catalog, *layout, max_gap_bytes, true);
      ASSERT_EQ(plans.size(), static_cast<size_t>(world_size));
      for (int rank = 0; rank < world_size; ++rank) {
        HOIST_ASSERT_OK_AND_ASSIGN(
            const RankSlices slices,
            SliceForRank(checkpoint.catalog, checkpoint.files, *layout, rank,
                         {.max_gap_bytes = max_gap_bytes}));
        const RankPlan& plan = plans[static_cast<size_t>(rank)];
        EXPECT_EQ(plan.tensor_count,
                  slices.report.whole_count + slices.report.part_count);
        EXPECT_EQ(plan.part_count, slices.report.part_count);
        EXPECT_EQ(plan.needed_bytes, slices.report.needed_bytes);
        uint64_t read_bytes = 0;
        for (const StorageEntry& storage : slices.catalog.storages) {
          if (storage.file == 0) {
            read_bytes += storage.size_bytes;
          }
        }
        for (const auto& file : slices.box_files) {
          // Box by box, as neighbours are read together too.
          for (const StorageEntry& storage : slices.catalog.storages) {
            if (storage.file != 0) {
              const uint64_t before = file->read_bytes();
              std::vector<uint8_t> bytes(storage.size_bytes);
              HOIST_ASSERT_OK(
                  file->ReadAt(storage.offset_bytes, absl::MakeSpan(bytes)));
              read_bytes += file->read_bytes() - before;
            }
          }
        }
        // Slices of the file begin at whole elements of any kind.
        EXPECT_LE(plan.read_bytes, read_bytes);
        EXPECT_GE(plan.read_bytes + 16 * slices.catalog.storages.size(),
                  read_bytes);
      }
    }
  }
}

TEST(ShardLayoutTest, LayersAndExpertsGoWhereTheirNumbersSay) {
  std::vector<std::string> storages(12, TestBytes(16, 1));
  TestCheckpoint checkpoint(storages);
  for (size_t i = 0; i < storages.size(); ++i) {
    checkpoint.catalog.tensors[i].name =
        absl::StrCat("model.layers.", i / 3, ".experts.", i % 3, ".w");
  }
  HOIST_ASSERT_OK_AND_ASSIGN(const ShardSpec spec,
                             ParseShardSpec(R"({"schema": "hoist.shard_spec/1",
        "mesh": {"pipeline": 2, "expert": "rest"}, "rules": [
        {"names": "model.layers.3.*", "ranks": {"at": [-1],
         "axis": "pipeline"}},
        {"names": "*.experts.*", "experts": {"axis": "expert"}}]})"));
  HOIST_ASSERT_OK_AND_ASSIGN(const ShardLayout layout,
                             ShardLayout::Create(checkpoint.catalog, spec, 4));
  const auto held_by = [&](int rank) {
    std::string held;
    for (size_t i = 0; i < 12; ++i) {
      held += layout.Holds(i, rank) ? '1' : '0';
    }
    return held;
  };
  EXPECT_EQ(held_by(0), "110110110000");
  EXPECT_EQ(held_by(1), "001001001000");
  EXPECT_EQ(held_by(2), "110110110111");
  EXPECT_EQ(held_by(3), "001001001111");
}

// Parts of t0, whose shape is [24], by rank: "0+8 8+8".
std::string PartsOf(const std::string& rule, int world_size) {
  TestCheckpoint checkpoint({TestBytes(96, 1)});
  const auto spec = ParseShardSpec(absl::StrCat(
      "{\"schema\": \"hoist.shard_spec/1\", \"rules\": [{\"names\": \"t0\", ",
      rule, "}]}"));
  if (!spec.ok()) {
    return std::string(spec.status().message());
  }
  const auto layout =
      ShardLayout::Create(checkpoint.catalog, *spec, world_size);
  if (!layout.ok()) {
    return std::string(layout.status().message());
  }
  std::string text;
  for (int rank = 0; rank < world_size; ++rank) {
    absl::StrAppend(&text, rank == 0 ? "" : " ");
    for (const IndexRange& range : layout->PartOf(0, rank)) {
      absl::StrAppend(&text, range.first, "+", range.count, ";");
    }
  }
  return text;
}

TEST(ShardLayoutTest, DividesAsTheRuleSays) {
  EXPECT_EQ(PartsOf("\"split\": {\"dim\": 0}", 3), "0+8; 8+8; 16+8;");
  EXPECT_EQ(PartsOf("\"split\": {\"dim\": 0}", 5),
            "Tensor t0: Dimension 0 of its shape [24], 24 places, does not "
            "divide evenly among 5 ranks");
  EXPECT_EQ(PartsOf("\"split\": {\"dim\": 0, \"uneven\": \"chunk\"}", 7),
            "0+4; 4+4; 8+4; 12+4; 16+4; 20+4; 24+0;");
  EXPECT_EQ(PartsOf("\"split\": {\"dim\": 0, \"uneven\": \"balanced\"}", 5),
            "0+5; 5+5; 10+5; 15+5; 20+4;");
  // Two heads for four ranks.
  EXPECT_EQ(PartsOf("\"split\": {\"dim\": -1, \"units\": 2}", 4),
            "0+12; 0+12; 12+12; 12+12;");
  EXPECT_EQ(PartsOf("\"split\": {\"dim\": 0, \"units\": 5}", 5),
            "Tensor t0: Dimension 0 of its shape [24] is not 5 units");
  EXPECT_EQ(PartsOf("\"split\": {\"dim\": 1}", 2),
            "Tensor t0: Its shape [24] has no dimension 1 to be cut along");
  EXPECT_EQ(PartsOf("\"fused\": {\"dim\": 0, \"parts\": 3}", 2),
            "0+4;8+4;16+4; 4+4;12+4;20+4;");
  // Four heads of queries, two of keys, of three places each.
  EXPECT_EQ(
      PartsOf("\"fused_qkv\": {\"dim\": 0, \"heads\": 4, \"kv_heads\": 2}", 2),
      "0+6;12+3;18+3; 6+6;15+3;21+3;");
  EXPECT_EQ(
      PartsOf("\"fused_qkv\": {\"dim\": 0, \"heads\": 4, \"kv_heads\": 2}", 4),
      "0+3;12+3;18+3; 3+3;12+3;18+3; 6+3;15+3;21+3; 9+3;15+3;21+3;");
}

TEST(ShardLayoutTest, RefusesWhatMeansNothing) {
  TestCheckpoint checkpoint({TestBytes(96, 1)});
  const auto create = [&](const std::string& top, const std::string& rules) {
    return ShardLayout::Create(checkpoint.catalog,
                               *ParseShardSpec(absl::StrCat(
                                   "{\"schema\": \"hoist.shard_spec/1\", ", top,
                                   " \"rules\": [", rules, "]}")),
                               4)
        .status();
  };
  EXPECT_THAT(create("", R"({"names": "x", "replicate": true})"),
              StatusIs(absl::StatusCode::kNotFound,
                       ::testing::HasSubstr("No rule of the shard spec means "
                                            "a tensor")));
  EXPECT_THAT(create("\"strict\": true,", ""),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       ::testing::HasSubstr("Tensor t0: No rule")));
  EXPECT_THAT(create("\"mesh\": {\"a\": 3},", ""),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "The mesh a 3 does not fit 4 ranks"));
  EXPECT_THAT(create("", R"({"names": "t*", "layers": {"ranges": [[1, 2],
                            [2, 3], [3, 4], [4, 5]]}})"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       ::testing::HasSubstr("Tensor t0: Its number 0")));
}

}  // namespace
}  // namespace hoist
