#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/temp_directory.h"
#include "hoist/tools/commands/hoist_program.h"
#include "nlohmann/json.hpp"

namespace hoist {
namespace {

using ::nlohmann::ordered_json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kPairs[] = "checkpoint/compat/testdata/torch-2.11/";
constexpr char kSample[] = "tools/sample/digits.pt";

class CompatCommandTest : public ::testing::Test {
 protected:
  CompatCommandTest() {
    context_.out = &out_;
    context_.err = &err_;
    context_.count_devices = [] { return 1; };
  }

  int Run(const std::vector<std::string>& arguments) {
    out_.str("");
    err_.str("");
    return RunHoist(arguments, context_);
  }
  // Of one of the pairs.
  int Compare(const std::string& pair, std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"compat", kPairs + pair + ".file.pt",
                               "--against", kPairs + pair + ".target.pt"});
    return Run(more);
  }
  std::string out() const { return out_.str(); }
  std::string err() const { return err_.str(); }
  std::string Path(const std::string& name) const {
    return folder_.path() + "/" + name;
  }
  static std::string Read(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static void Write(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
  }

  const TempDirectory folder_;
  std::ostringstream out_;
  std::ostringstream err_;
  CommandContext context_;
};

TEST_F(CompatCommandTest, Fits) {
  EXPECT_EQ(Compare("fits"), kExitDone);
  EXPECT_THAT(out(), HasSubstr("fits: 30 fit, 0 missing, 0 unexpected"));
  EXPECT_THAT(err(), IsEmpty());
}

TEST_F(CompatCommandTest, DoesNotFitAndSaysWhatWouldMakeIt) {
  EXPECT_EQ(Compare("module_prefix"), kExitFound);
  EXPECT_THAT(out(), HasSubstr("does not fit: 0 fit, 6 missing, 6 unexpected"));
  EXPECT_THAT(out(), HasSubstr("1 rule makes it fit"));
  EXPECT_THAT(out(), HasSubstr("strip_prefix module."));
}

TEST_F(CompatCommandTest, GroupsShapes) {
  EXPECT_EQ(Compare("wrong_width"), kExitFound);
  EXPECT_THAT(out(), HasSubstr("by factor 2: 16 in the file, 8 in the target"));
}

TEST_F(CompatCommandTest, NamesTheChoice) {
  EXPECT_EQ(Compare("model_and_ema"), kExitFound);
  EXPECT_THAT(out(), HasSubstr("Used \"model.\"; also possible: \"ema.\""));
}

TEST_F(CompatCommandTest, Json) {
  EXPECT_EQ(Compare("module_prefix", {"--json", "--torch=2.4"}), kExitFound);
  const ordered_json json = ordered_json::parse(out());
  EXPECT_EQ(json["schema"], "hoist.compat/1");
  EXPECT_EQ(json["verdict"], "does_not_fit");
  EXPECT_EQ(json["match"]["missing"].size(), 6u);
  EXPECT_EQ(json["match_after_rules"]["fits"], true);
  EXPECT_EQ(json["rules"][0]["strip_prefix"], "module.");
  EXPECT_EQ(json["findings"][0]["issue"], "prefix");
  EXPECT_EQ(json["torch"]["since"], "1.6");
  EXPECT_EQ(json["torch"]["verdict"], "fits");
}

TEST_F(CompatCommandTest, SuggestsAndReplacesOnlyWithForce) {
  const std::string rules = Path("rules.json");
  EXPECT_EQ(Compare("module_prefix", {"--suggest", rules}), kExitFound);
  const ordered_json json = ordered_json::parse(Read(rules));
  EXPECT_EQ(json["model"], "module_prefix.file");
  EXPECT_EQ(json["rules"][0]["strip_prefix"], "module.");
  EXPECT_EQ(Compare("model_prefix", {"--suggest", rules}), kExitError);
  EXPECT_THAT(Read(rules), HasSubstr("module."));
  EXPECT_EQ(Compare("model_prefix", {"--suggest", rules, "--force"}),
            kExitFound);
  EXPECT_THAT(Read(rules), HasSubstr("\"model.\""));
}

TEST_F(CompatCommandTest, NoRulesNoFile) {
  const std::string rules = Path("rules.json");
  EXPECT_EQ(Compare("missing_head", {"--suggest", rules}), kExitFound);
  EXPECT_THAT(err(), HasSubstr("none are written"));
  EXPECT_THAT(Read(rules), IsEmpty());
}

TEST_F(CompatCommandTest, AManifestIsATarget) {
  EXPECT_EQ(Run({"inspect", kSample, "--manifest"}), kExitDone);
  EXPECT_EQ(ordered_json::parse(out())["schema"], "hoist.manifest/1");
  const std::string manifest = Path("manifest.json");
  Write(manifest, out());
  EXPECT_EQ(Run({"compat", kSample, "--against", manifest}), kExitDone);

  Write(manifest, R"({"schema": "hoist.manifest/1", "tensors": [
      {"name": "head", "dtype": "float32", "shape": [10]}]})");
  EXPECT_EQ(Run({"compat", kSample, "--against", manifest}), kExitFound);
  Write(manifest, R"({"schema": "hoist.manifest/1", "tensors": [
      {"name": "head", "dtype": "float31", "shape": [10]}]})");
  EXPECT_EQ(Run({"compat", kSample, "--against", manifest}), kExitError);
  EXPECT_THAT(err(), HasSubstr("has no dtype of PyTorch in tensors[0] (head)"));
}

TEST_F(CompatCommandTest, Releases) {
  EXPECT_EQ(Run({"compat", kSample, "--torch=1.13"}), kExitDone);
  EXPECT_THAT(out(), HasSubstr("torch.load since 1.6"));
  EXPECT_THAT(out(), HasSubstr("weights_only=True since 1.13"));
  EXPECT_EQ(Run({"compat", kSample, "--torch=1.5.1"}), kExitFound);
  EXPECT_THAT(out(), HasSubstr("does not read it: PyTorch 1.5"));
  EXPECT_EQ(Run({"compat", kSample, "--torch=latest"}), kExitError);
  EXPECT_THAT(err(), HasSubstr("\"latest\" is no release"));
}

TEST_F(CompatCommandTest, WhatPyTorchHasChanged) {
  EXPECT_EQ(Compare("old_batch_norm"), kExitFound);
  EXPECT_THAT(out(), HasSubstr("num_batches_tracked for 2 modules (bn1)"));
  EXPECT_EQ(Compare("fits"), kExitDone);
  EXPECT_THAT(out(), Not(HasSubstr("PyTorch has changed")));
}

TEST_F(CompatCommandTest, WhatCannotBeToldIsAnError) {
  EXPECT_EQ(Run({"compat", kSample}), kExitError);
  EXPECT_THAT(err(), HasSubstr("nothing to hold it against"));
  Write(Path("empty.pt"), "");
  EXPECT_EQ(Run({"compat", kSample, "--against", Path("empty.pt")}),
            kExitError);
  EXPECT_EQ(Run({"compat", Path("empty.pt"), "--against", kSample}),
            kExitError);
  EXPECT_THAT(err(), HasSubstr("empty"));
  EXPECT_EQ(Run({"compat", kSample, "--torch=2.4", "--suggest", Path("r")}),
            kExitError);
}

}  // namespace
}  // namespace hoist
