#include "hoist/checkpoint/migrate/apply_migration.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/migrate/test_parts.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Shapes = std::vector<std::pair<std::string, std::vector<int64_t>>>;

ModelMigration Migration(const std::string& rules,
                         const std::string& more = "") {
  auto migration = ParseModelMigration(
      absl::StrCat(R"({"model": "net", "from": "1", "to": "2", )", more,
                   "\n\"rules\": [", rules, "]}"),
      "m.json");
  HOIST_EXPECT_OK(migration.status());
  return *std::move(migration);
}

// A state dict of float32 tensors that count on from one to the next.
CheckpointParts PartsOf(const Shapes& shapes) {
  TestParts parts;
  const ValueId root = parts.StateDict(shapes, {});
  return parts.Parts(root);
}

absl::StatusOr<CheckpointParts> Apply(const std::string& rules,
                                      CheckpointParts parts) {
  MigrationReport report;
  return ApplyMigration(Migration(rules), std::move(parts), report);
}

std::string ErrorOf(const std::string& rules, const Shapes& shapes) {
  const auto parts = Apply(rules, PartsOf(shapes));
  EXPECT_EQ(parts.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(parts.status().message());
}

// There and back again: names, order, shapes and elements are as before.
void ExpectUndone(const std::string& rules, CheckpointParts parts,
                  const std::vector<std::string>& between) {
  const ModelMigration migration = Migration(rules);
  const std::vector<std::string> before = TensorsOf(parts);
  MigrationReport report;
  auto changed = ApplyMigration(migration, std::move(parts), report);
  HOIST_ASSERT_OK(changed.status());
  EXPECT_EQ(TensorsOf(*changed), between);
  EXPECT_THAT(report.warnings, IsEmpty());
  const auto reverse = ReverseMigration(migration);
  HOIST_ASSERT_OK(reverse.status());
  EXPECT_EQ(reverse->from, "2");
  EXPECT_EQ(reverse->to, "1");
  auto again = ApplyMigration(*reverse, *std::move(changed), report);
  HOIST_ASSERT_OK(again.status());
  EXPECT_EQ(TensorsOf(*again), before);
}

TEST(ApplyMigrationTest, NamesAreChangedAndChangedBack) {
  ExpectUndone(
      R"({"rename": "blocks.*.fc", "to": "layers.*.linear"},
         {"rename": "^head\\.([a-z]+)$", "to": "out.\\1", "regex": true},
         {"add_prefix": "net."})",
      PartsOf({{"blocks.0.fc.weight", {2}}, {"head.bias", {1}}}),
      {"net.layers.0.linear.weight float32[2] 0 1",
       "net.out.bias float32[1] 2"});
  ExpectUndone(R"({"strip_prefix": "module."})",
               PartsOf({{"module.w", {1}}, {"module.b", {1}}}),
               {"w float32[1] 0", "b float32[1] 1"});
}

TEST(ApplyMigrationTest, FusedProjectionsAreSplitAndJoined) {
  const std::string split =
      R"({"split": "*.qkv", "into": ["*.q", "*.k", "*.v"], "dim": 0})";
  ExpectUndone(
      split,
      PartsOf(
          {{"a.qkv.weight", {3, 2}}, {"a.qkv.bias", {3}}, {"a.other", {1}}}),
      {"a.q.weight float32[1, 2] 0 1", "a.k.weight float32[1, 2] 2 3",
       "a.v.weight float32[1, 2] 4 5", "a.q.bias float32[1] 6",
       "a.k.bias float32[1] 7", "a.v.bias float32[1] 8",
       "a.other float32[1] 9"});
  ExpectUndone(
      R"({"split": "kv", "into": ["k", "v"], "dim": 1, "sizes": [1, 2]})",
      PartsOf({{"kv", {2, 3}}}),
      {"k float32[2, 1] 0 3", "v float32[2, 2] 1 2 4 5"});
  ExpectUndone(
      R"({"concat": ["*.k", "*.v"], "to": "*.kv", "dim": -1, "sizes": [1, 2]})",
      PartsOf({{"l.k", {2, 1}}, {"l.v", {2, 2}}}),
      {"l.kv float32[2, 3] 0 2 3 1 4 5"});
}

TEST(ApplyMigrationTest, TensorsAreTurnedAndShaped) {
  ExpectUndone(R"({"transpose": "*.weight"})",
               PartsOf({{"c.weight", {2, 3}}, {"c.bias", {2}}}),
               {"c.weight float32[3, 2] 0 3 1 4 2 5", "c.bias float32[2] 6 7"});
  ExpectUndone(R"({"permute": "w", "order": [2, 0, 1]})",
               PartsOf({{"w", {1, 2, 3}}}), {"w float32[3, 1, 2] 0 3 1 4 2 5"});
  ExpectUndone(R"({"transpose": "w"},
                  {"reshape": "w", "from": [3, 2], "to": [-1]})",
               PartsOf({{"w", {2, 3}}}), {"w float32[6] 0 3 1 4 2 5"});
  const auto sliced = Apply(R"({"slice": "w", "index": "1:3"})",
                            PartsOf({{"w", {4}}, {"b", {1}}}));
  HOIST_ASSERT_OK(sliced.status());
  EXPECT_THAT(TensorsOf(*sliced),
              ElementsAre("w float32[2] 1 2", "b float32[1] 4"));
}

TEST(ApplyMigrationTest, TensorsAreCastAddedAndDropped) {
  ExpectUndone(
      R"({"cast": "w", "from": "float32", "to": "float64"},
                  {"add": "scale", "dtype": "float16", "shape": [2],
                   "value": 0.5, "beside": "w"},
                  {"drop": "ids",
                   "restore": {"dtype": "float32", "shape": [1], "value": 3}})",
      PartsOf({{"w", {2}}, {"b", {1}}, {"ids", {1}}}),
      {"w float64[2] 0 1", "scale float16[2] 0.5 0.5", "b float32[1] 2"});
}

TEST(ApplyMigrationTest, TiedTensorsStayTied) {
  TestParts parts;
  const ValueId a = parts.Tensor({2, 2});
  const ValueId b = parts.View(0, {2, 2});
  const ValueId root = parts.Dict({parts.Text("a"), a, parts.Text("b"), b});
  const auto changed =
      Apply(R"({"cast": "?", "to": "bfloat16"}, {"transpose": "?"})",
            parts.Parts(root));
  HOIST_ASSERT_OK(changed.status());
  EXPECT_THAT(TensorsOf(*changed), ElementsAre("a bfloat16[2, 2] 0 2 1 3",
                                               "b bfloat16[2, 2] 0 2 1 3"));
  EXPECT_EQ(changed->catalog.tensors[0].storage,
            changed->catalog.tensors[1].storage);
}

TEST(ApplyMigrationTest, WarnsOfTensorsThatAreTiedNoLonger) {
  TestParts parts;
  const ValueId tied = parts.Tensor({2});
  const ValueId root =
      parts.Dict({parts.Text("a"), tied, parts.Text("b"), tied});
  MigrationReport report;
  HOIST_ASSERT_OK(ApplyMigration(Migration(R"({"cast": "a", "to": "float64"})"),
                                 parts.Parts(root), report)
                      .status());
  EXPECT_THAT(report.warnings,
              ElementsAre("Tensors a and b shared memory, and do no longer"));
}

TEST(ApplyMigrationTest, WhatWasSplitIsJoinedWithoutACopy) {
  TestParts parts;
  const ValueId tied = parts.Tensor({4, 2});
  const ModelMigration migration = Migration(
      R"({"transpose": "*"},
         {"split": "*", "into": ["*.x", "*.y"], "dim": 1, "sizes": [1, 3]})");
  MigrationReport report;
  const CheckpointParts before =
      parts.Parts(parts.Dict({parts.Text("a"), tied, parts.Text("b"), tied}));
  auto changed = ApplyMigration(migration, before, report);
  HOIST_ASSERT_OK(changed.status());
  EXPECT_THAT(
      TensorsOf(*changed),
      ElementsAre("a.x float32[2, 1] 0 1", "a.y float32[2, 3] 2 4 6 3 5 7",
                  "b.x float32[2, 1] 0 1", "b.y float32[2, 3] 2 4 6 3 5 7"));
  MigrationReport back;
  const auto again =
      ApplyMigration(*ReverseMigration(migration), *changed, back);
  HOIST_ASSERT_OK(again.status());
  EXPECT_EQ(TensorsOf(*again), TensorsOf(before));
  EXPECT_EQ(again->catalog.storages.size(), before.catalog.storages.size());
  EXPECT_TRUE(IsContiguous(again->catalog.tensors[0].spec));
  // Tensors in memory of their own, and such in another order, are computed.
  const auto joined = Apply(
      R"({"concat": ["a.y", "a.x"], "to": "a", "dim": 1, "sizes": [3, 1]})",
      *std::move(changed));
  HOIST_ASSERT_OK(joined.status());
  EXPECT_EQ(TensorsOf(*joined)[0], "a float32[2, 4] 2 4 6 0 3 5 7 1");
}

TEST(ApplyMigrationTest, ARootIsTheOnlyPlaceThatIsMeant) {
  TestParts parts;
  const ValueId inner = parts.StateDict(Shapes{{"w", {1}}}, {});
  const ValueId other = parts.StateDict(Shapes{{"w", {1}}}, {});
  const ValueId root =
      parts.Dict({parts.Text("model"), inner, parts.Text("ema"), other});
  MigrationReport report;
  const auto changed =
      ApplyMigration(Migration(R"({"rename": "w", "to": "weight"},
                   {"add": "bias", "dtype": "int64", "shape": [], "value": 7})",
                               R"("root": "model", )"),
                     parts.Parts(root), report);
  HOIST_ASSERT_OK(changed.status());
  EXPECT_THAT(TensorsOf(*changed),
              ElementsAre("model.weight float32[1] 0", "model.bias int64[] 7",
                          "ema.w float32[1] 1"));
}

TEST(ApplyMigrationTest, TheReportSaysWhatIsDoneAndWhatItCosts) {
  MigrationReport report;
  HOIST_ASSERT_OK(ApplyMigration(Migration(R"({"rename": "a", "to": "b"},
                       {"cast": "b", "to": "bfloat16"},
                       {"drop": "none", "optional": true},
                       {"drop": "c"})"),
                                 PartsOf({{"a", {3}}, {"c", {2, 1}}}), report)
                      .status());
  ASSERT_EQ(report.steps.size(), 4);
  EXPECT_EQ(report.steps[0].name, "rule 1, rename a");
  ASSERT_EQ(report.steps[0].changes.size(), 1);
  EXPECT_EQ(report.steps[0].changes[0].to, "b");
  EXPECT_EQ(report.steps[0].changes[0].computed_bytes, 0);
  EXPECT_EQ(report.steps[1].changes[0].detail, "float32 to bfloat16");
  EXPECT_EQ(report.steps[1].changes[0].computed_bytes, 6);
  EXPECT_THAT(report.steps[2].changes, IsEmpty());
  EXPECT_EQ(report.steps[3].changes[0].detail, "float32[2, 1], 8 bytes less");
}

TEST(ApplyMigrationTest, WarnsOfWhatCannotBeUndoneHere) {
  const auto warnings = [](const std::string& rules, const Shapes& shapes) {
    MigrationReport report;
    HOIST_EXPECT_OK(
        ApplyMigration(Migration(rules), PartsOf(shapes), report).status());
    return report.warnings;
  };
  EXPECT_THAT(warnings(R"({"strip_prefix": "module."})",
                       {{"module.a", {1}}, {"b", {1}}}),
              ElementsAre(HasSubstr("b would become module.b")));
  EXPECT_THAT(
      warnings(R"({"split": "*.qkv", "into": ["*.q", "*.k"], "dim": 0})",
               {{"x.qkv", {2}}}),
      IsEmpty());
  EXPECT_THAT(warnings(R"({"split": "*.qk", "into": ["*.q", "*.k"], "dim": 0})",
                       {{"x.qk", {2}}, {"y.q", {1}}}),
              ElementsAre(HasSubstr("y.q has a name like what it makes")));
}

TEST(ApplyMigrationTest, WhatDoesNotFitIsSaidWithItsRule) {
  EXPECT_THAT(ErrorOf(R"({"rename": "x", "to": "y"})", {{"a", {1}}}),
              AllOf(HasSubstr("m.json:2: rule 1, rename x: "),
                    HasSubstr("means no tensor")));
  EXPECT_THAT(
      ErrorOf(R"({"rename": "a", "to": "b"})", {{"a", {1}}, {"b", {1}}}),
      HasSubstr("m.json:2: rule 1, rename a: Two tensors would have the name "
                "b"));
  EXPECT_THAT(
      ErrorOf(R"({"split": "a", "into": ["b", "c"], "dim": 0})", {{"a", {3}}}),
      HasSubstr("no 2 equal parts"));
  EXPECT_THAT(ErrorOf(R"({"split": "a", "into": ["b", "c"], "dim": 0,
                          "sizes": [1, 1]})",
                      {{"a", {3}}}),
              HasSubstr("do not make up"));
  EXPECT_THAT(
      ErrorOf(R"({"split": "a", "into": ["b", "c"], "dim": 1})", {{"a", {2}}}),
      HasSubstr("no dimension 1"));
  EXPECT_THAT(ErrorOf(R"({"concat": ["a", "b"], "to": "c", "dim": 0})",
                      {{"a", {2}}, {"b", {3}}}),
              HasSubstr("\"sizes\" would say"));
  EXPECT_THAT(
      ErrorOf(R"({"concat": ["a", "b"], "to": "c", "dim": 0})", {{"a", {2}}}),
      HasSubstr("Part 2 of 2 for c is not there"));
  EXPECT_THAT(ErrorOf(R"({"concat": ["*.a", "x.*"], "to": "*", "dim": 0})",
                      {{"x.a", {2}}}),
              HasSubstr("two of the parts"));
  EXPECT_THAT(ErrorOf(R"({"cast": "a", "from": "float16", "to": "float32"})",
                      {{"a", {2}}}),
              HasSubstr("float32, and not float16"));
  EXPECT_THAT(ErrorOf(R"({"reshape": "a", "to": [5]})", {{"a", {2}}}),
              HasSubstr("elements"));
  EXPECT_THAT(
      ErrorOf(R"({"reshape": "a", "from": [3, -1], "to": [2]})", {{"a", {2}}}),
      HasSubstr("not [3, -1]"));
  EXPECT_THAT(ErrorOf(R"({"add": "a", "dtype": "int8", "shape": [],
                          "value": 1})",
                      {{"a", {2}}}),
              HasSubstr("there already"));
  EXPECT_THAT(ErrorOf(R"({"drop": "a", "restore": {"dtype": "int8",
                          "shape": [2], "value": 1}})",
                      {{"a", {2}}}),
              HasSubstr("restored"));
  EXPECT_THAT(ErrorOf(R"({"require": "a", "shape": [-1, 2]})", {{"a", {2}}}),
              HasSubstr("[-1, 2]"));
  EXPECT_THAT(ErrorOf(R"({"require": "a", "dtype": "int8"})", {{"a", {2}}}),
              HasSubstr("int8"));
  EXPECT_THAT(ErrorOf(R"({"require": "*", "absent": true})", {{"a", {2}}}),
              HasSubstr("is not to be"));
  HOIST_EXPECT_OK(Apply(R"({"require": "a", "shape": [-1], "dtype": "float32"},
                           {"require": "b", "absent": true})",
                        PartsOf({{"a", {2}}}))
                      .status());
}

TEST(ApplyMigrationTest, MigrationsFollowEachOther) {
  auto parts = Apply(R"({"drop": "a"}, {"cast": "b", "to": "float16"})",
                     PartsOf({{"a", {2}}, {"b", {2}}, {"c", {1}}}));
  HOIST_ASSERT_OK(parts.status());
  parts =
      Apply(R"({"rename": "b", "to": "a"}, {"drop": "c"})", *std::move(parts));
  HOIST_ASSERT_OK(parts.status());
  parts = Apply(R"({"add_prefix": "x."})", *std::move(parts));
  HOIST_ASSERT_OK(parts.status());
  EXPECT_THAT(TensorsOf(*parts), ElementsAre("x.a float16[2] 2 3"));
}

TEST(ApplyMigrationTest, AnotherVersionIsRefused) {
  CheckpointParts parts = PartsOf({{"a", {1}}});
  parts.catalog.metadata = VersionMetadata(Migration(""));
  MigrationReport report;
  const auto error_of = [&](const ModelMigration& migration) {
    const auto result = ApplyMigration(migration, parts, report);
    return std::string(result.status().message());
  };
  EXPECT_THAT(error_of(Migration("")),
              HasSubstr("for version 1 of net, and the checkpoint is of 2"));
  const auto reverse = ReverseMigration(Migration(""));
  const auto back = ApplyMigration(*reverse, parts, report);
  HOIST_ASSERT_OK(back.status());
  EXPECT_EQ(back->catalog.metadata[1].second, "1");
  parts.catalog.metadata[0].second = "other";
  EXPECT_THAT(error_of(*reverse), HasSubstr("the checkpoint is of other"));
}

}  // namespace
}  // namespace hoist
