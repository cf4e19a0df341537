#include "hoist/tools/ui/migrate_view.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::HasSubstr;
using Kind = MigrationChange::Kind;

MigrationReport Report() {
  return {
      .steps =
          {{.name = "rule 1, rename a",
            .changes = {{.kind = Kind::kRename, .from = "a\x1b[0m", .to = "b"},
                        {.kind = Kind::kCast,
                         .from = "w",
                         .to = "w",
                         .detail = "float32 to float16",
                         .computed_bytes = 2048}}},
           {.name = "rule 2, drop c",
            .changes = {{.kind = Kind::kDrop, .from = "c", .detail = "int8[2]"},
                        {.kind = Kind::kAdd, .to = "d"}}},
           {.name = "rule 3, drop e"},
           {.name = "container",
            .changes = {{.kind = Kind::kContainer,
                         .detail = "hoist 1 to native"}}}},
      .warnings = {"a note\nof two lines"}};
}

TEST(MigrateViewTest, SaysEachChangeAndWhatItCosts) {
  EXPECT_EQ(MigrationView(Report(), /*with_changes=*/true, {}),
            "rule 1, rename a: 2 changes\n"
            "  rename a\\x1b[0m -> b\n"
            "  cast w: float32 to float16, 2.00 KiB\n"
            "rule 2, drop c: 2 changes\n"
            "  drop c: int8[2]\n"
            "  add d\n"
            "rule 3, drop e: nothing\n"
            "container: 1 change\n"
            "  container hoist 1 to native\n"
            "5 changes in 4 steps, 2.00 KiB to be computed\n"
            "Warning: a note\\nof two lines\n");
}

TEST(MigrateViewTest, SaysHowManyChangesThereWere) {
  EXPECT_EQ(MigrationView(Report(), /*with_changes=*/false, {}),
            "rule 1, rename a: 2 changes\n"
            "rule 2, drop c: 2 changes\n"
            "rule 3, drop e: nothing\n"
            "container: 1 change\n"
            "5 changes in 4 steps, 2.00 KiB to be computed\n"
            "Warning: a note\\nof two lines\n");
}

TEST(MigrateViewTest, Json) {
  const Json json = MigrationJson(Report());
  EXPECT_EQ(json["computed_bytes"], 2048);
  EXPECT_EQ(json["warnings"].size(), 1);
  ASSERT_EQ(json["steps"].size(), 4);
  EXPECT_EQ(json["steps"][0]["changes"][1]["kind"], "cast");
  EXPECT_EQ(json["steps"][0]["changes"][1]["detail"], "float32 to float16");
  EXPECT_FALSE(json["steps"][1]["changes"][0].contains("to"));
  EXPECT_FALSE(json["steps"][1]["changes"][1].contains("from"));
}

TEST(MigrateViewTest, ListsContainersStepsAndRules) {
  const ContainerMigration containers[] = {{"native 1", "native 2"}};
  const ProducerStep step = {.name = "some_step",
                             .classes = "SomeClass",
                             .release = "1.2",
                             .summary = "Says something"};
  HOIST_ASSERT_OK_AND_ASSIGN(const ModelMigration file,
                             ParseModelMigration(
                                 R"({"model": "net", "from": "1", "to": "2",
              "rules": [{"drop": "a", "optional": true}]})",
                                 "m.json"));
  const std::string text =
      MigrationListView(containers, {&step, 1}, {&file, 1});
  EXPECT_THAT(text, HasSubstr("  native 1 -> native 2\n"));
  EXPECT_THAT(text, HasSubstr("  some_step (only PyTorch can)\n"
                              "      Says something (SomeClass, PyTorch 1.2)"));
  EXPECT_THAT(text, HasSubstr("m.json: net 1 -> 2\n"
                              "  rule 1, drop a (optional)\n"
                              "  No way back: m.json:2: rule 1, drop a"));
  const Json json = MigrationListJson(containers, {&step, 1}, {&file, 1});
  EXPECT_EQ(json["schema"], "hoist.migrate.list/1");
  EXPECT_EQ(json["containers"][0]["to"], "native 2");
  EXPECT_EQ(json["producer"][0]["possible"], false);
  EXPECT_EQ(json["files"][0]["reversible"], false);
  EXPECT_EQ(json["files"][0]["rules"][0]["text"], "rule 1, drop a");
}

}  // namespace
}  // namespace hoist
