#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/thread/cancel_token.h"
#include "hoist/tools/commands/command_test.h"
#include "nlohmann/json.hpp"

namespace hoist {
namespace {

using ::nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class DiffCommandTest : public CommandTest {
 protected:
  // From the sample to `out` in the test's folder.
  std::string Convert(const std::string& out,
                      std::vector<std::string> options = {}) {
    options.insert(options.begin(),
                   {"convert", "-q", kSample, folder_.path(out)});
    EXPECT_EQ(Hoist(options), 0) << err();
    return folder_.path(out);
  }
  json Diff(const std::string& a, const std::string& b,
            std::vector<std::string> options = {}) {
    options.insert(options.begin(), {"diff", "--json", a, b});
    const int status = Hoist(options);
    EXPECT_EQ(err(), "");
    json report = json::parse(out());
    EXPECT_EQ(report["schema"], "hoist.diff/1");
    EXPECT_EQ(status, report["same"] ? 0 : 1);
    return report;
  }
};

TEST_F(DiffCommandTest, AFileIsLikeItself) {
  EXPECT_EQ(Hoist({"diff", kSample, kSample}), 0);
  EXPECT_THAT(out(), AllOf(HasSubstr("same: 143 tensors the same"),
                           HasSubstr("told by recorded checksums")));
  const json report = Diff(kSample, kSample, {"--read-all"});
  EXPECT_EQ(report["checksum_tensors"], 0);
  EXPECT_GT(report["read_bytes"], 400'000);
}

TEST_F(DiffCommandTest, EveryFormatHasTheSameTensors) {
  for (const std::string& out :
       {Convert("a.hoist", {"--compress"}), Convert("a.pt"),
        Convert("b", {"--to=native", "--max-shard-size=20KB"})}) {
    const json report = Diff(kSample, out);
    EXPECT_TRUE(report["same"]) << report;
    EXPECT_EQ(report["same_tensors"], 143);
  }
  for (const std::string& out :
       {Convert("a.safetensors"),
        Convert("a", {"--to=safetensors", "--max-shard-size=20KB"})}) {
    EXPECT_TRUE(Diff(kSample, out, {"--tensors-only"})["same"]);
    // Which has no place for lists and dicts, but for numbers and text.
    EXPECT_EQ(Diff(kSample, out)["value_differences"], 2);
    const json unread = Diff(kSample, out, {"--structure", "--tensors-only"});
    EXPECT_TRUE(unread["same"]);
    EXPECT_EQ(unread["not_read_tensors"], 143);
    EXPECT_EQ(unread["read_bytes"], 0);
  }
}

TEST_F(DiffCommandTest, NamesThatChangedAlike) {
  const std::string renamed =
      Convert("a.safetensors", {"--rename=model_state_dict.*=module.*"});
  const std::string as_it_was = Convert("b.safetensors");
  EXPECT_EQ(Hoist({"diff", as_it_was, renamed}), 1);
  EXPECT_THAT(
      out(), HasSubstr("renamed   model_state_dict.* -> module.*  56 tensors"));
  const json report = Diff(as_it_was, renamed);
  EXPECT_THAT(report["renamed"], SizeIs(56));
  EXPECT_THAT(report["removed"], IsEmpty());
  EXPECT_THAT(report["changed"], IsEmpty());
}

TEST_F(DiffCommandTest, ValuesOfOtherDtypes) {
  const std::vector<std::string> model = {"--include=model_state_dict"};
  const std::string floats = Convert("a.safetensors", model);
  const std::string halves = Convert(
      "b.safetensors", {"--include=model_state_dict", "--dtype=bfloat16"});
  const json bytes = Diff(floats, halves);
  ASSERT_FALSE(bytes["changed"].empty());
  EXPECT_EQ(bytes["changed"][0]["elements"], "not_read");
  EXPECT_EQ(bytes["changed"][0]["differs"], json({"dtype"}));
  const json values = Diff(floats, halves, {"--values"});
  double max_rel = 0;
  for (const json& changed : values["changed"]) {
    max_rel = std::max(max_rel, changed["numbers"]["max_rel"].get<double>());
  }
  EXPECT_GT(max_rel, 1e-3);
  EXPECT_LT(max_rel, 1.0 / 256);
  // Back to float32, within a tolerance.
  ASSERT_EQ(Hoist({"convert", "-q", halves, folder_.path("c.safetensors"),
                   "--dtype=float32"}),
            0)
      << err();
  const std::string back = folder_.path("c.safetensors");
  EXPECT_EQ(Hoist({"diff", floats, back}), 1);
  EXPECT_THAT(out(), HasSubstr("other elements"));
  EXPECT_EQ(Hoist({"diff", floats, back, "--rtol=1e-3"}), 1);
  EXPECT_THAT(out(), HasSubstr("beyond the tolerance"));
  EXPECT_EQ(Hoist({"diff", floats, back, "--rtol=4e-3", "--tensors-only"}), 0)
      << out();
  EXPECT_THAT(out(), HasSubstr("not beyond the tolerance"));
}

TEST_F(DiffCommandTest, QuietPrintsNothing) {
  EXPECT_EQ(Hoist({"diff", "-q", kSample, kSample}), 0);
  EXPECT_EQ(out(), "");
  EXPECT_EQ(
      Hoist({"diff", "-q", kSample, Convert("a.pt", {"--dtype=float64"})}), 1);
  EXPECT_EQ(out() + err(), "");
}

TEST_F(DiffCommandTest, WhatCannotBeCompared) {
  EXPECT_EQ(Hoist({"diff", kSample, folder_.path("none.pt")}), 2);
  EXPECT_THAT(err(), HasSubstr("none.pt"));
  EXPECT_EQ(Hoist({"diff", kSample}), 2);
  EXPECT_EQ(Hoist({"diff", kSample, kSample, "--structure", "--values"}), 2);
  EXPECT_THAT(err(), HasSubstr("--structure reads no tensors"));
  EXPECT_EQ(Hoist({"diff", kSample, kSample, "--rtol=-1"}), 2);
  EXPECT_THAT(err(), HasSubstr("--rtol"));
  // A byte of a tensor, which its checksum tells of once it is read.
  std::string content =
      folder_.Read(Convert("a.hoist").substr(folder_.path().size() + 1));
  content[content.size() / 2] ^= 1;
  folder_.Write("b.hoist", content);
  EXPECT_EQ(Hoist({"diff", kSample, folder_.path("b.hoist")}), 2) << out();
  CancelToken cancel;
  cancel.Cancel();
  context_.cancel = &cancel;
  EXPECT_EQ(Hoist({"diff", "--read-all", kSample, kSample}), 130);
}

}  // namespace
}  // namespace hoist
