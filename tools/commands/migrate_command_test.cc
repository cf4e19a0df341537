#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/tools/commands/command_test.h"
#include "nlohmann/json.hpp"

namespace hoist {
namespace {

using ::nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kLegacy[] =
    "checkpoint/testdata/torch-2.11/legacy_state_dict.pt";

std::string Content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class MigrateCommandTest : public CommandTest {
 protected:
  int Migrate(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"migrate", "-q"});
    return Hoist(arguments);
  }
  std::string Rules(const std::string& name, const std::string& rules,
                    const std::string& from = "1",
                    const std::string& to = "2") {
    const std::string path = folder_.path(name);
    std::ofstream(path) << R"({"model": "digits", "from": ")" << from
                        << R"(", "to": ")" << to << "\", \"rules\": [\n"
                        << rules << "]}";
    return path;
  }
  // The tensors of the sample, by their names alone.
  std::string Flat() {
    const std::string path = folder_.path("flat.safetensors");
    EXPECT_EQ(Hoist({"convert", "-q", kSample, path, "--force"}), 0) << err();
    return path;
  }
};

TEST_F(MigrateCommandTest, RulesAreDoneAndUndone) {
  const std::string rules = Rules("rules.json", R"({"add_prefix": "net."},
                             {"cast": "net.*.bias", "from": "float32",
                              "to": "float64", "optional": true})");
  const std::string old_path = folder_.path("v1.safetensors");
  const std::string new_path = folder_.path("v2.safetensors");
  const std::string back = folder_.path("back.safetensors");
  ASSERT_EQ(Hoist({"convert", "-q", kSample, old_path}), 0) << err();
  ASSERT_EQ(Migrate({old_path, new_path, "--rules", rules}), 0) << err();
  EXPECT_THAT(out(), AllOf(HasSubstr("rule 1, add_prefix net."),
                           HasSubstr("written and verified")));
  const json inspected = Inspect(new_path);
  EXPECT_EQ(inspected["metadata"]["migration.model"], "digits");
  EXPECT_EQ(inspected["metadata"]["migration.version"], "2");
  for (const auto& [name, text] : Tensors(new_path)) {
    EXPECT_THAT(name, testing::StartsWith("net."));
  }
  ASSERT_EQ(Migrate({new_path, back, "--rules", rules, "--reverse"}), 0)
      << err();
  EXPECT_EQ(Tensors(back), Tensors(old_path));
  // Hoist's own format says it too, and a conversion does not lose it.
  const std::string native = folder_.path("v2.hoist");
  ASSERT_EQ(Migrate({old_path, native, "--rules", rules}), 0) << err();
  EXPECT_EQ(Inspect(native)["metadata"]["migration.version"], "2");
  const std::string converted = folder_.path("v2.converted.safetensors");
  ASSERT_EQ(Hoist({"convert", "-q", native, converted}), 0) << err();
  EXPECT_EQ(Inspect(converted)["metadata"]["migration.version"], "2");
  // It says that it is of version 1 again.
  EXPECT_EQ(Migrate({back, folder_.path("no"), "--rules", rules, "--reverse",
                     "--to=safetensors"}),
            2);
  EXPECT_THAT(err(), HasSubstr("for version 2 of digits"));
}

TEST_F(MigrateCommandTest, ADryRunSaysAllAndWritesNothing) {
  const std::string rules =
      Rules("rules.json",
            "{\"rename\": \"s/^/x./\", \"to\": \"y\","
            " \"optional\": true},\n{\"add_prefix\": \"a.\"}");
  ASSERT_EQ(Migrate({Flat(), "--rules", rules, "--dry-run"}), 0) << err();
  EXPECT_THAT(out(), AllOf(HasSubstr(" -> a."), HasSubstr("changes in 2")));
  ASSERT_EQ(Migrate({kLegacy, "--dry-run", "--json"}), 0) << err();
  const json plan = json::parse(out());
  EXPECT_EQ(plan["schema"], "hoist.migrate/1");
  EXPECT_EQ(plan["dry_run"], true);
  EXPECT_THAT(plan["steps"][0]["changes"][0]["detail"].get<std::string>(),
              HasSubstr("torch_legacy"));
  EXPECT_FALSE(std::ifstream(folder_.path("out.pt")).good());
}

TEST_F(MigrateCommandTest, ContainersBecomeTodays) {
  const std::string modern = folder_.path("modern.pt");
  ASSERT_EQ(Migrate({kLegacy, modern}), 0) << err();
  EXPECT_EQ(Inspect(modern)["format"], "torch_zip");
  EXPECT_EQ(Tensors(modern), Tensors(kLegacy));
  const std::string first = folder_.path("first.hoist");
  ASSERT_EQ(Hoist({"convert", "-q", kSample, first, "--format-version=1"}), 0);
  ASSERT_EQ(Migrate({first, "--in-place"}), 0) << err();
  EXPECT_THAT(out(), HasSubstr("container"));
  EXPECT_EQ(Inspect(first)["format_version"], "2");
  EXPECT_EQ(Tensors(first), Tensors(kSample));
  const std::string before = Content(first);
  ASSERT_EQ(Migrate({first, "--in-place"}), 0) << err();
  EXPECT_THAT(out(), HasSubstr("Nothing to migrate"));
  EXPECT_EQ(Content(first), before);
}

TEST_F(MigrateCommandTest, InPlaceReplacesOnlyByWhatIsWhole) {
  const std::string path = folder_.path("m.safetensors");
  ASSERT_EQ(Hoist({"convert", "-q", kSample, path}), 0) << err();
  const std::string before = Content(path);
  const auto tensors = Tensors(path);
  const std::string bad = Rules("bad.json", R"({"drop": "nothing"})");
  EXPECT_EQ(Migrate({path, "--in-place", "--rules", bad}), 2);
  EXPECT_THAT(err(), AllOf(HasSubstr("bad.json:2: rule 1, drop nothing"),
                           HasSubstr("means no tensor")));
  EXPECT_EQ(Content(path), before);
  const std::string good = Rules("good.json", R"({"add_prefix": "a."})");
  ASSERT_EQ(Migrate({path, "--in-place", "--rules", good}), 0) << err();
  EXPECT_NE(Content(path), before);
  ASSERT_EQ(Migrate({path, "--in-place", "--rules", good, "--reverse"}), 0)
      << err();
  EXPECT_EQ(Tensors(path), tensors);
  const std::string shards = folder_.path("shards");
  ASSERT_EQ(Hoist({"convert", "-q", kSample, shards, "--to=safetensors",
                   "--max-shard-size=20KB"}),
            0);
  EXPECT_EQ(Migrate({shards, "--in-place", "--rules", good}), 2);
  EXPECT_THAT(err(), HasSubstr("several files"));
}

TEST_F(MigrateCommandTest, FilesOfRulesFollowEachOther) {
  const std::string first = Rules("1.json", R"({"add_prefix": "a."})");
  const std::string second =
      Rules("2.json", R"({"rename": "a.*", "to": "b.*"})", "2", "3");
  const std::string out_path = folder_.path("out.safetensors");
  const std::string in = Flat();
  EXPECT_EQ(Migrate({in, out_path, "--rules", second, "--rules", first}), 2);
  EXPECT_THAT(err(), HasSubstr("comes after"));
  ASSERT_EQ(Migrate({in, out_path, "--rules", first, "--rules", second}), 0)
      << err();
  EXPECT_EQ(Inspect(out_path)["metadata"]["migration.version"], "3");
  const std::string back = folder_.path("back.safetensors");
  ASSERT_EQ(Migrate({out_path, back, "--rules", first, "--rules", second,
                     "--reverse"}),
            0)
      << err();
  EXPECT_EQ(Inspect(back)["metadata"]["migration.version"], "1");
}

TEST_F(MigrateCommandTest, ListsWhatCanBeDone) {
  const std::string rules =
      Rules("rules.json", R"({"slice": "w", "index": "0:1"})");
  ASSERT_EQ(Hoist({"migrate", "--list", "--rules", rules}), 0) << err();
  EXPECT_THAT(
      out(), AllOf(HasSubstr("native 1 -> native 2"),
                   HasSubstr("num_batches_tracked"), HasSubstr("digits 1 -> 2"),
                   HasSubstr("rule 1, slice w"), HasSubstr("No way back")));
  ASSERT_EQ(Hoist({"migrate", "--list", "--json"}), 0) << err();
  EXPECT_FALSE(json::parse(out())["producer"].empty());
}

TEST_F(MigrateCommandTest, WhatDoesNotGoTogetherIsRefused) {
  const std::string rules = Rules("rules.json", R"({"add_prefix": "a."})");
  const std::vector<std::vector<std::string>> all = {
      {},
      {kSample},
      {kSample, folder_.path("o.pt"), "--in-place"},
      {kSample, folder_.path("o.pt"), "--reverse"},
      {kSample, folder_.path("o.pt"), "--reverse", "--producer", "--rules",
       rules},
      {kSample, folder_.path("o.pt"), "--rules", folder_.path("none.json")},
      {kSample, folder_.path("o.pt"), "--step=none"},
  };
  for (const std::vector<std::string>& arguments : all) {
    EXPECT_EQ(Migrate(arguments), 2) << testing::PrintToString(arguments);
    EXPECT_THAT(err(), HasSubstr("error"));
  }
  const std::string there = folder_.path("there.pt");
  ASSERT_EQ(Migrate({kSample, there}), 0) << err();
  EXPECT_EQ(Migrate({kSample, there}), 2);
  EXPECT_THAT(err(), HasSubstr("--force"));
  EXPECT_EQ(Migrate({kSample, there, "--force"}), 0) << err();
}

}  // namespace
}  // namespace hoist
