#include "hoist/tools/commands/plan_command.h"

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/temp_directory.h"
#include "hoist/tools/commands/hoist_program.h"
#include "nlohmann/json.hpp"

namespace hoist {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

constexpr char kSample[] = "tools/sample/digits.pt";

// `hoist plan` and `hoist load` with ranks, as a user would run them.
class PlanCommandTest : public ::testing::Test {
 protected:
  int Run(const std::vector<std::string>& arguments) {
    std::ostringstream out;
    std::ostringstream err;
    CommandContext context;
    context.out = &out;
    context.err = &err;
    context.count_devices = [] { return 0; };
    context.environment = [this](const char* name) {
      return environment_[name];
    };
    const int status = RunHoist(arguments, context);
    out_ = out.str();
    err_ = err.str();
    return status;
  }

  std::map<std::string, std::string> environment_;
  TempDirectory folder_;
  std::string out_;
  std::string err_;
};

TEST_F(PlanCommandTest, WhatIsPlannedIsWhatIsLoaded) {
  ASSERT_EQ(Run({"plan", kSample, "--world-size=3", "--shard-dim=0", "--json"}),
            kExitDone)
      << err_;
  const Json plan = Json::parse(out_);
  EXPECT_EQ(plan["schema"], "hoist.plan/1");
  ASSERT_EQ(plan["ranks"].size(), 3u);
  for (int rank = 0; rank < 3; ++rank) {
    ASSERT_EQ(
        Run({"load", kSample, "--json", "-q", "--device=cpu", "--shard-dim=0",
             "--world-size=3", absl::StrCat("--rank=", rank)}),
        kExitDone)
        << err_;
    const Json loaded = Json::parse(out_);
    const Json& planned = plan["ranks"][static_cast<size_t>(rank)];
    EXPECT_EQ(loaded["rank"]["rank"], rank);
    EXPECT_EQ(loaded["rank"]["needed_bytes"], planned["needed_bytes"]);
    EXPECT_EQ(loaded["tensors"], planned["tensors"]);
    EXPECT_EQ(loaded["rank"]["part_tensors"], planned["parts"]);
    EXPECT_GT(loaded["rank"]["part_tensors"], 0);
  }
}

TEST_F(PlanCommandTest, TorchrunSaysWhichRank) {
  environment_ = {{"RANK", "1"}, {"WORLD_SIZE", "2"}};
  ASSERT_EQ(Run({"load", kSample, "-q", "--device=cpu", "--shard-dim=-1"}),
            kExitDone)
      << err_;
  EXPECT_THAT(out_, HasSubstr("Rank 1 of 2: "));
  // Without a wish for parts, all is loaded whoever started it.
  ASSERT_EQ(Run({"load", kSample, "-q", "--device=cpu"}), kExitDone);
  EXPECT_THAT(out_, ::testing::Not(HasSubstr("Rank 1")));
  environment_["RANK"] = "first";
  EXPECT_EQ(Run({"load", kSample, "-q", "--device=cpu", "--shard-dim=0"}),
            kExitError);
  EXPECT_THAT(err_, HasSubstr("RANK=first, which is no number"));
}

TEST_F(PlanCommandTest, TableIsForPeople) {
  ASSERT_EQ(Run({"plan", kSample, "--world-size=2", "--shard-dim=0"}),
            kExitDone);
  EXPECT_THAT(out_, HasSubstr("Would load as 2 ranks by dimension 0\n"));
  EXPECT_THAT(out_, HasSubstr("needed"));
}

TEST_F(PlanCommandTest, DryRunOfARank) {
  ASSERT_EQ(Run({"load", kSample, "--dry-run", "--json", "--device=cpu",
                 "--shard-dim=1", "--rank=0", "--world-size=2"}),
            kExitDone)
      << err_;
  EXPECT_EQ(Json::parse(out_)["schema"], "hoist.load_plan/1");
}

TEST_F(PlanCommandTest, SpecFilesAreReadStrictly) {
  const std::string path = folder_.path() + "/spec.json";
  std::ofstream(path) << R"({"schema": "hoist.shard_spec/1", "rules": [
    {"names": "*.weight", "split": {"dim": 0, "uneven": "balanced"}}]})";
  ASSERT_EQ(Run({"plan", kSample, "--world-size=2", "--shard-spec=" + path}),
            kExitDone)
      << err_;
  std::ofstream(path) << "{\n  \"schema\": 3}";
  EXPECT_EQ(Run({"plan", kSample, "--world-size=2", "--shard-spec=" + path}),
            kExitError);
  EXPECT_THAT(err_, HasSubstr("spec.json:2:13: A shard spec has \"schema\""));
}

TEST_F(PlanCommandTest, MistakesAreExplained) {
  const auto error = [this](std::vector<std::string> arguments) {
    EXPECT_EQ(Run(arguments), kExitError);
    EXPECT_EQ(out_, "");
    return err_;
  };
  EXPECT_THAT(error({"plan", kSample, "--world-size=2"}),
              HasSubstr("It is not said how tensors are divided"));
  EXPECT_THAT(error({"plan", kSample, "--world-size=2", "--shard-spec=lama"}),
              HasSubstr("Presets are gpt2, gpt_neox, llama, mixtral"));
  EXPECT_THAT(error({"plan", kSample, "--world-size=2", "--shard-spec=llama"}),
              HasSubstr("No rule of the shard spec llama means a tensor"));
  EXPECT_THAT(error({"load", kSample, "--rank=0", "--world-size=2"}),
              HasSubstr("Give --shard-spec or --shard-dim"));
  EXPECT_THAT(error({"load", kSample, "--rank=0", "--shard-dim=0"}),
              HasSubstr("It is not known how many ranks there are"));
  EXPECT_THAT(error({"load", kSample, "-q", "--device=cpu", "--rank=2",
                     "--world-size=2", "--shard-dim=0"}),
              HasSubstr("Rank 2 is none of 2"));
  EXPECT_THAT(error({"load", kSample, "--rank=0", "--world-size=2",
                     "--shard-dim=0", "--shard-spec=llama"}),
              HasSubstr("not both"));
}

}  // namespace
}  // namespace hoist
