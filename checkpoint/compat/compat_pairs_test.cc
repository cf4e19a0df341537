// Every pair of files in testdata/, which do not fit each other as PyTorch
// wrote them, held against what their generator knows of them.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/compat/compat_report.h"
#include "hoist/core/testing/status_matchers.h"
#include "nlohmann/json.hpp"

namespace hoist {
namespace {

using ::testing::ElementsAreArray;
using ::testing::UnorderedElementsAreArray;

constexpr char kFolder[] = "checkpoint/compat/testdata/torch-2.11/";

std::vector<std::string> PairNames() {
  constexpr absl::string_view kEnding = ".expected.json";
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    const std::string name = entry.path().filename();
    if (name.size() > kEnding.size() &&
        name.substr(name.size() - kEnding.size()) == kEnding) {
      names.push_back(name.substr(0, name.size() - kEnding.size()));
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

class CompatPairsTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const std::string path = kFolder + GetParam();
    std::ifstream file(path + ".expected.json");
    expected_ = nlohmann::json::parse(file);
    auto side = Checkpoint::Open(path + ".file.pt");
    HOIST_ASSERT_OK(side.status());
    file_ = SideOf(side->catalog());
    side = Checkpoint::Open(path + ".target.pt");
    HOIST_ASSERT_OK(side.status());
    target_ = SideOf(side->catalog());
    report_ = CompareSides(file_, target_);
  }

  std::string Text() const {
    std::string text;
    for (const CompatFinding& finding : report_.findings) {
      text += std::string(CompatIssueName(finding.issue)) + ": " +
              finding.text + "\n";
    }
    for (const CompatRule& rule : report_.search.rules) {
      text += CompatRuleText(rule) + "\n";
    }
    return text;
  }

  nlohmann::json expected_;
  CompatSide file_;
  CompatSide target_;
  CompatReport report_;
};

TEST_P(CompatPairsTest, FindsWhatIsTheMatter) {
  std::set<std::string> issues;
  for (const CompatFinding& finding : report_.findings) {
    issues.emplace(CompatIssueName(finding.issue));
  }
  EXPECT_THAT(issues, ElementsAreArray(
                          expected_["issues"].get<std::set<std::string>>()))
      << Text();
}

// A rule set is there exactly where the generator has one.
TEST_P(CompatPairsTest, FindsRulesWhereThereAreSome) {
  EXPECT_EQ(report_.can_fit(),
            expected_.contains("truth") || report_.match.fits())
      << Text();
  // It does not take one for one tensor.
  EXPECT_LE(report_.search.rules.size(), 6u) << Text();
}

// As PyTorch has it. It fills in what old batch norms lack.
TEST_P(CompatPairsTest, AgreesWithLoadStateDict) {
  const nlohmann::json& torch = expected_["torch"];
  if (torch["strict"].is_null() || GetParam() == "old_batch_norm") {
    return;
  }
  EXPECT_EQ(report_.fits(), torch["strict"].get<bool>()) << Text();
  EXPECT_THAT(report_.match.missing,
              UnorderedElementsAreArray(
                  torch["missing"].get<std::vector<std::string>>()));
  std::vector<std::string> mismatched;
  for (const auto& shape : report_.match.shapes) {
    mismatched.push_back(shape.name);
  }
  EXPECT_THAT(mismatched,
              UnorderedElementsAreArray(
                  torch["mismatched"].get<std::vector<std::string>>()));
  // Of what is nested PyTorch only sees the outer keys, and only the first of
  // a child that the module does not have.
  for (const std::string& name :
       torch["unexpected"].get<std::vector<std::string>>()) {
    const auto is_it = [&](const std::string& unexpected) {
      return unexpected == name || unexpected.rfind(name + ".", 0) == 0;
    };
    const bool has_it = std::any_of(report_.match.unexpected.begin(),
                                    report_.match.unexpected.end(), is_it);
    const bool is_of_file = std::any_of(
        file_.tensors.begin(), file_.tensors.end(),
        [&](const TensorOutline& tensor) { return is_it(tensor.name); });
    EXPECT_EQ(has_it, is_of_file) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(All, CompatPairsTest, ::testing::ValuesIn(PairNames()),
                         [](const auto& info) { return info.param; });

TEST(CompatPairsCountTest, ThereAreEnough) {
  EXPECT_GE(PairNames().size(), 30u);
}

}  // namespace
}  // namespace hoist
