// The rules that are suggested for the pairs in testdata/, written to a file,
// read and applied: what comes of it loads strictly, and has the bytes that the
// generator of the pairs knows.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/compat/compat_report.h"
#include "hoist/checkpoint/load/digest.h"
#include "hoist/checkpoint/migrate/apply_migration.h"
#include "hoist/checkpoint/migrate/model_migration.h"
#include "hoist/core/testing/status_matchers.h"
#include "nlohmann/json.hpp"

namespace hoist {
namespace {

constexpr char kFolder[] = "checkpoint/compat/testdata/torch-2.11/";

struct Case {
  std::string name;
  std::map<std::string, std::string> truth;  // digests by name
};

std::vector<Case> Cases() {
  constexpr absl::string_view kEnding = ".expected.json";
  std::vector<Case> cases;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    const std::string name = entry.path().filename();
    if (name.size() <= kEnding.size() ||
        name.substr(name.size() - kEnding.size()) != kEnding) {
      continue;
    }
    std::ifstream file(entry.path());
    const nlohmann::json expected = nlohmann::json::parse(file);
    if (expected.contains("truth")) {
      cases.push_back(
          {name.substr(0, name.size() - kEnding.size()),
           expected["truth"].get<std::map<std::string, std::string>>()});
    }
  }
  std::sort(cases.begin(), cases.end(),
            [](const Case& a, const Case& b) { return a.name < b.name; });
  return cases;
}

class SuggestedRulesTest : public ::testing::TestWithParam<Case> {};

TEST_P(SuggestedRulesTest, MakeTheStrictLoadSucceed) {
  const std::string path = kFolder + GetParam().name;
  const auto file = Checkpoint::Open(path + ".file.pt");
  HOIST_ASSERT_OK(file.status());
  const auto target = Checkpoint::Open(path + ".target.pt");
  HOIST_ASSERT_OK(target.status());
  const CompatSide wanted = SideOf(target->catalog());
  const CompatReport report = CompareSides(SideOf(file->catalog()), wanted);
  CheckpointParts parts{file->catalog(), file->files()};
  if (!report.search.rules.empty()) {
    const std::string text = MigrationText("model", report.search.rules);
    const auto migration = ParseModelMigration(text, "rules.json");
    ASSERT_TRUE(migration.ok()) << migration.status() << "\n" << text;
    MigrationReport done;
    auto applied = ApplyMigration(*migration, std::move(parts), done);
    ASSERT_TRUE(applied.ok()) << applied.status() << "\n" << text;
    parts = *std::move(applied);
  }
  // What no rule can drop, and the report says to leave out.
  std::erase_if(parts.catalog.tensors, [](const TensorEntry& tensor) {
    return tensor.name.rfind("optimizer.", 0) == 0;
  });
  EXPECT_TRUE(CompareSides(SideOf(parts.catalog), wanted).fits());
  const auto digests = TensorDigests(parts.catalog, parts.files, nullptr);
  HOIST_ASSERT_OK(digests.status());
  std::map<std::string, std::string> found;
  for (size_t i = 0; i < digests->size(); ++i) {
    found[parts.catalog.tensors[i].name] = (*digests)[i].value_or("");
  }
  EXPECT_EQ(found, GetParam().truth);
}

INSTANTIATE_TEST_SUITE_P(All, SuggestedRulesTest, ::testing::ValuesIn(Cases()),
                         [](const auto& info) { return info.param.name; });

TEST(SuggestedRulesCountTest, ThereAreEnough) {
  EXPECT_GE(Cases().size(), 30u);
}

}  // namespace
}  // namespace hoist
