#include "hoist/checkpoint/migrate/model_migration.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

absl::StatusOr<ModelMigration> Parse(const std::string& rules) {
  return ParseModelMigration(
      absl::StrCat("{\"model\": \"net\", \"from\": \"1\", \"to\": \"2\",\n"
                   "\"rules\": [\n",
                   rules, "]}"),
      "m.json");
}

std::string ErrorOf(const std::string& rules) {
  const auto migration = Parse(rules);
  EXPECT_EQ(migration.status().code(), absl::StatusCode::kInvalidArgument)
      << rules;
  return std::string(migration.status().message());
}

std::string NoWayBack(const std::string& rule) {
  const auto migration = Parse(rule);
  HOIST_EXPECT_OK(migration.status());
  const auto reverse = ReverseMigration(*migration);
  EXPECT_EQ(reverse.status().code(), absl::StatusCode::kInvalidArgument)
      << rule;
  return std::string(reverse.status().message());
}

TEST(ModelMigrationTest, ReadsWhatAFileSays) {
  const auto migration = ParseModelMigration(
      R"({"schema": "hoist.migration/1", "comment": "", "model": "net",
          "from": "1", "to": "2", "root": "state_dict",
          "rules": [{"drop": "a.*", "optional": true, "comment": "gone"},
                    {"rename": "b", "to": "c"}]})",
      "m.json");
  HOIST_ASSERT_OK(migration.status());
  EXPECT_EQ(migration->path, "m.json");
  EXPECT_EQ(migration->model, "net");
  EXPECT_EQ(migration->from, "1");
  EXPECT_EQ(migration->to, "2");
  EXPECT_EQ(migration->root, "state_dict");
  ASSERT_EQ(migration->rules.size(), 2);
  EXPECT_TRUE(migration->rules[0].is_optional);
  EXPECT_EQ(migration->rules[0].text, "rule 1, drop a.*");
  EXPECT_TRUE(std::get<rules::Drop>(migration->rules[0].action)
                  .names.Means("a.weight"));
  EXPECT_FALSE(migration->rules[1].is_optional);
  EXPECT_EQ(migration->rules[1].position.line, 4);
}

TEST(ModelMigrationTest, FaultsAreAtTheirPlace) {
  EXPECT_THAT(ErrorOf(R"({"rename": "a"})"),
              AllOf(StartsWith("m.json:3:1: "), HasSubstr("\"to\" is missing"),
                    HasSubstr("(rule 1)")));
  EXPECT_THAT(ErrorOf("{\"drop\": \"a\"},\n {\"drop\": \"b\", \"two\": 1}"),
              AllOf(StartsWith("m.json:4:16: "), HasSubstr("no key \"two\""),
                    HasSubstr("(rule 2)")));
  EXPECT_THAT(ErrorOf(R"({"drop": 3})"), HasSubstr("is to be a string"));
  EXPECT_THAT(ErrorOf(R"({"drop": "a", "cast": "b", "to": "int8"})"),
              HasSubstr("does one thing"));
  EXPECT_THAT(ErrorOf(R"({"comment": "nothing"})"),
              HasSubstr("nothing to do: it needs one of rename, "));
  EXPECT_THAT(ErrorOf("3"), HasSubstr("A rule is an object"));
  EXPECT_THAT(ErrorOf(R"({"drop": "[a"})"), StartsWith("m.json:3:10: "));
  EXPECT_THAT(ErrorOf(R"({"drop": "(", "regex": true})"),
              HasSubstr("no regular expression"));
  EXPECT_THAT(ErrorOf(R"({"rename": "a*", "to": "**"})"),
              StartsWith("m.json:3:"));
  EXPECT_THAT(ErrorOf(R"({"rename": "a", "to": "b", "all": true})"),
              HasSubstr("regular expressions"));
  EXPECT_THAT(ErrorOf(R"({"cast": "a", "to": "float33"})"),
              HasSubstr("no dtype \"float33\""));
  EXPECT_THAT(ErrorOf(R"({"transpose": "a", "dims": [1]})"),
              HasSubstr("two dimensions"));
  EXPECT_THAT(ErrorOf(R"({"split": "a", "into": ["b"], "dim": 0})"),
              HasSubstr("two names or more"));
  EXPECT_THAT(ErrorOf(R"({"split": "a", "into": ["b", "c"], "dim": 0,
                          "sizes": [1, 2, 3]})"),
              HasSubstr("3 sizes for 2 parts"));
  EXPECT_THAT(ErrorOf(R"({"add": "a", "dtype": "uint8", "shape": [],
                          "value": 256})"),
              HasSubstr("uint8 has no such number"));
  EXPECT_THAT(ErrorOf(R"({"drop": "a*", "restore": {"dtype": "int8",
                          "shape": [], "value": 1}})"),
              HasSubstr("without wildcards"));
  EXPECT_THAT(ErrorOf(R"({"drop": "a", "restore": {"dtype": "int8"}})"),
              HasSubstr("\"shape\" is missing"));
  const auto whole = [](const char* text) {
    return std::string(ParseModelMigration(text, "m.json").status().message());
  };
  EXPECT_THAT(whole("{"), StartsWith("m.json:1:"));
  EXPECT_THAT(whole(R"({"schema": "hoist.migration/2", "model": "a",
                        "from": "1", "to": "2", "rules": []})"),
              HasSubstr("hoist.migration/1"));
}

TEST(ModelMigrationTest, WhatCannotBeUndoneIsSaid) {
  EXPECT_THAT(NoWayBack(R"({"drop": "a"})"),
              AllOf(StartsWith("m.json:3: rule 1, drop a"),
                    HasSubstr("cannot be undone")));
  EXPECT_THAT(NoWayBack(R"({"cast": "a", "to": "float64"})"),
              HasSubstr("\"from\""));
  EXPECT_THAT(NoWayBack(R"({"cast": "a", "from": "float32", "to": "float16"})"),
              HasSubstr("float16 does not have all numbers of float32"));
  EXPECT_THAT(NoWayBack(R"({"reshape": "a", "to": [1]})"),
              HasSubstr("\"from\""));
  EXPECT_THAT(NoWayBack(R"({"reshape": "a", "to": [1], "from": [-1, -1]})"),
              HasSubstr("more than one size"));
  EXPECT_THAT(NoWayBack(R"({"slice": "a", "index": "0:1"})"),
              HasSubstr("gone"));
  EXPECT_THAT(NoWayBack(R"({"rename": "a*", "to": "b"})"), HasSubstr("rule 1"));
  EXPECT_THAT(NoWayBack(R"({"permute": "a", "order": [0, 0]})"),
              HasSubstr("order"));
}

}  // namespace
}  // namespace hoist
