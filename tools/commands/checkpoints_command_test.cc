#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/store/store_records.h"
#include "hoist/core/testing/temp_directory.h"
#include "hoist/tools/commands/hoist_program.h"
#include "nlohmann/json.hpp"

namespace hoist {
namespace {

using ::nlohmann::ordered_json;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

// Steps 1, 2, 3 of Hoist's, with losses 0.3, 0.1, 0.2, and a damaged step 4.
class CheckpointsCommandTest : public ::testing::Test {
 protected:
  CheckpointsCommandTest() {
    context_.out = &out_;
    context_.err = &err_;
    std::ifstream in("tools/sample/digits.pt", std::ios::binary);
    const std::string sample{std::istreambuf_iterator<char>(in), {}};
    const double losses[] = {0.3, 0.1, 0.2};
    for (int step = 1; step <= 3; ++step) {
      const std::string name = absl::StrCat("step-", step, ".pt");
      folder_.Write(name, sample);
      folder_.Write(StepRecordName(name),
                    StepRecordText({.step = step,
                                    .time_ns = step,
                                    .metrics = {{"loss", losses[step - 1]}}}));
    }
    folder_.Write("step-4.pt", sample.substr(0, sample.size() / 2));
  }

  int Run(const std::string& verb, std::vector<std::string> options = {}) {
    std::vector<std::string> arguments = {"checkpoints", verb, folder_.path()};
    arguments.insert(arguments.end(), options.begin(), options.end());
    out_.str("");
    err_.str("");
    return RunHoist(arguments, context_);
  }
  std::string out() const { return out_.str(); }
  std::string err() const { return err_.str(); }

  const TempDirectory folder_;
  std::ostringstream out_;
  std::ostringstream err_;
  CommandContext context_;
};

TEST_F(CheckpointsCommandTest, Lists) {
  EXPECT_EQ(Run("list"), kExitDone) << err();
  EXPECT_THAT(out(), HasSubstr("3  step-3.pt  torch_zip"));
  EXPECT_THAT(out(), HasSubstr("latest  loss=0.2"));
  EXPECT_THAT(out(), HasSubstr("step-4.pt  damaged"));
  EXPECT_EQ(Run("list", {"--json"}), kExitDone);
  const ordered_json json = ordered_json::parse(out());
  EXPECT_EQ(json["schema"], "hoist.checkpoints/1");
  EXPECT_EQ(json["latest"]["step"], 3);
  EXPECT_EQ(json["checkpoints"].size(), 4u);
  EXPECT_EQ(json["checkpoints"][3]["state"], "damaged");
}

TEST_F(CheckpointsCommandTest, LatestAndBestArePaths) {
  EXPECT_EQ(Run("latest"), kExitDone);
  EXPECT_EQ(out(), folder_.path("step-3.pt") + "\n");
  EXPECT_EQ(Run("best", {"--metric=loss"}), kExitDone);
  EXPECT_EQ(out(), folder_.path("step-2.pt") + "\n");
  EXPECT_EQ(Run("best", {"--metric=loss", "--higher-is-better"}), kExitDone);
  EXPECT_EQ(out(), folder_.path("step-1.pt") + "\n");
  EXPECT_EQ(Run("best", {"--metric=accuracy"}), kExitError);
  EXPECT_THAT(err(), HasSubstr("accuracy"));
  EXPECT_EQ(Run("best"), kExitError);

  folder_.Write("latest.json",
                LatestRecordText({.step = 4, .name = "step-4.pt"}));
  EXPECT_EQ(Run("latest"), kExitDone);
  EXPECT_EQ(out(), folder_.path("step-3.pt") + "\n");
  EXPECT_THAT(err(), HasSubstr("The record names step-4.pt, which is damaged"));
}

TEST_F(CheckpointsCommandTest, PrunesWhatNoRuleKeeps) {
  const std::vector<std::string> rules = {"--keep-last=1", "--keep-best=1",
                                          "--metric=loss"};
  std::vector<std::string> dry = rules;
  dry.push_back("--dry-run");
  EXPECT_EQ(Run("prune", dry), kExitDone) << err();
  EXPECT_THAT(out(), HasSubstr("would remove  step-1.pt"));
  EXPECT_THAT(out(), HasSubstr("one of the best 1 by loss"));
  EXPECT_THAT(folder_.Names(), Contains("step-1.pt"));
  EXPECT_EQ(Run("prune", rules), kExitDone);
  EXPECT_THAT(folder_.Names(), Not(Contains("step-1.pt")));
  EXPECT_THAT(folder_.Names(), Contains("step-4.pt"));
  EXPECT_EQ(Run("prune"), kExitError);
  EXPECT_THAT(err(), HasSubstr("No rule"));
  EXPECT_EQ(Run("prune", {"--keep-last=-1"}), kExitError);
}

TEST_F(CheckpointsCommandTest, PinnedOnesStay) {
  EXPECT_EQ(Run("pin", {"1"}), kExitDone) << err();
  EXPECT_EQ(Run("prune", {"--keep-last=1", "--json"}), kExitDone);
  const ordered_json json = ordered_json::parse(out());
  EXPECT_EQ(json["checkpoints"][0]["why"], "pinned");
  EXPECT_EQ(json["checkpoints"][1]["keep"], false);
  EXPECT_EQ(Run("unpin", {"1"}), kExitDone);
  EXPECT_EQ(Run("prune", {"--keep-last=1"}), kExitDone);
  EXPECT_THAT(folder_.Names(), Not(Contains("step-1.pt")));
  EXPECT_EQ(Run("pin", {"77"}), kExitError);
}

TEST_F(CheckpointsCommandTest, VerifiesEach) {
  EXPECT_EQ(Run("verify"), kExitFound);
  EXPECT_THAT(out(), HasSubstr("step-3.pt  good"));
  EXPECT_THAT(out(), HasSubstr("step-4.pt  DAMAGED"));

  const TempDirectory other;
  other.Write("step-1/.metadata", "x");
  other.Write("step-1/__0_0.distcp", "x");
  EXPECT_EQ(RunHoist({"checkpoints", "verify", other.path()}, context_),
            kExitFound);
  EXPECT_THAT(out(), HasSubstr("step-1  DAMAGED"));
  other.Write("step-2/__0_0.distcp", "x");
  EXPECT_EQ(RunHoist({"checkpoints", "verify", other.path()}, context_),
            kExitFound);
  EXPECT_THAT(out(), HasSubstr("no commit marker"));
}

TEST_F(CheckpointsCommandTest, WhereThereIsNoneItSaysSo) {
  const TempDirectory empty;
  EXPECT_EQ(RunHoist({"checkpoints", "latest", empty.path()}, context_),
            kExitError);
  EXPECT_THAT(err(), HasSubstr("There is no valid checkpoint"));
  EXPECT_EQ(RunHoist({"checkpoints", "list", empty.path()}, context_),
            kExitDone);
  EXPECT_THAT(out(), HasSubstr("no checkpoints"));
  EXPECT_EQ(RunHoist({"checkpoints", "list", empty.path("no")}, context_),
            kExitError);
}

}  // namespace
}  // namespace hoist
