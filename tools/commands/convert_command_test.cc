#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/thread/cancel_token.h"
#include "hoist/tools/commands/command_test.h"
#include "nlohmann/json.hpp"

namespace hoist {
namespace {

using ::nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

class ConvertCommandTest : public CommandTest {
 protected:
  // From the sample to `out` in the test's folder.
  int Convert(const std::string& out, std::vector<std::string> options = {}) {
    options.insert(options.begin(),
                   {"convert", "-q", kSample, folder_.path(out)});
    return Hoist(options);
  }
};

TEST_F(ConvertCommandTest, EveryFormatHasTheTensorsOfTheSample) {
  const auto tensors = Tensors(kSample);
  ASSERT_GT(tensors.size(), 100);
  const std::vector<std::vector<std::string>> all = {
      {"a.safetensors"},
      {"a.pt"},
      {"a.pth"},
      {"a.bin"},
      {"a.hoist"},
      {"b.hoist", "--compress"},
      {"c.hoist", "--format-version=1"},
      {"a", "--to=safetensors", "--max-shard-size=20KB"},
      {"b", "--to=native", "--max-shard-size=20KB"},
      {"c", "--to=torch", "--threads=3"}};
  for (std::vector<std::string> arguments : all) {
    const std::string name = arguments[0];
    SCOPED_TRACE(testing::PrintToString(arguments));
    arguments.erase(arguments.begin());
    ASSERT_EQ(Convert(name, arguments), 0) << err();
    EXPECT_THAT(out(), AllOf(HasSubstr(name), HasSubstr("143 tensors")));
    EXPECT_EQ(Tensors(folder_.path(name)), tensors);
  }
}

TEST_F(ConvertCommandTest, ShardsHaveAtMostTheirSize) {
  ASSERT_EQ(
      Convert("a", {"--to=safetensors", "--max-shard-size=30KB", "--json"}), 0);
  const json report = json::parse(out());
  EXPECT_EQ(report["schema"], "hoist.convert/1");
  EXPECT_GT(report["files"].size(), 3);
  EXPECT_THAT(folder_.Names("a"), SizeIs(report["files"].size()));
  for (const std::string& name : folder_.Names("a")) {
    EXPECT_LT(folder_.Read(absl::StrCat("a/", name)).size(), 35'000) << name;
  }
  // A shard is not larger than it has to be: what fits is one file.
  EXPECT_EQ(Convert("b", {"--to=safetensors", "--max-shard-size=1GB"}), 0);
  EXPECT_THAT(folder_.Read("b"), HasSubstr("F32"));
}

TEST_F(ConvertCommandTest, NamesAndDtypes) {
  ASSERT_EQ(
      Convert("a.safetensors",
              {"--include=model_state_dict", "--exclude=*.bn?.*",
               "--rename=model_state_dict.*=*",
               "--rename=s/^blocks\\.([0-9])/layer\\1/", "--dtype=bfloat16"}),
      0)
      << err();
  const auto tensors = Tensors(folder_.path("a.safetensors"));
  EXPECT_EQ(tensors.count("stem.0.weight"), 1);
  EXPECT_EQ(tensors.count("layer0.conv1.weight"), 1);
  for (const auto& [name, text] : tensors) {
    EXPECT_THAT(name, testing::Not(HasSubstr("bn")));
    if (name != "stem.1.num_batches_tracked") {
      EXPECT_THAT(text, StartsWith("bfloat16 ")) << name;
    }
  }
}

// The attributes of an object have no names to change: a state dict has.
TEST_F(ConvertCommandTest, RenamesTensorsOfModelsAndPrograms) {
  for (const char* const name : {"whole_module", "script_module"}) {
    const std::string model =
        absl::StrCat("checkpoint/testdata/torch-2.11/", name, ".pt");
    auto expected = Tensors(model);
    ASSERT_EQ(expected.count("0.weight"), 1);
    expected.insert({"fc.weight", expected["0.weight"]});
    expected.insert({"fc.bias", expected["0.bias"]});
    expected.erase("0.weight");
    expected.erase("0.bias");
    expected.erase("2.not_in_state_dict");
    for (const char* const to : {"a.safetensors", "a.pt", "a.hoist"}) {
      SCOPED_TRACE(absl::StrCat(name, " to ", to));
      const std::string out_path = folder_.path(to);
      ASSERT_EQ(
          Hoist({"convert", "-q", "--force", model, out_path, "--rename=0=fc"}),
          0)
          << err();
      EXPECT_THAT(out(), HasSubstr("Only the tensors are kept"));
      EXPECT_EQ(Tensors(out_path), expected);
    }
  }
}

// How they are quantized is with their values, which a rename would lose.
TEST_F(ConvertCommandTest, RefusesToRenameInQuantizedModels) {
  for (const char* const to : {"a.pt", "a.hoist"}) {
    EXPECT_EQ(Hoist({"convert", "-q",
                     "checkpoint/testdata/torch-2.11/script_quantized.pt",
                     folder_.path(to), "--rename=0.leaf=x"}),
              2);
    EXPECT_THAT(err(), HasSubstr("There is no dict for a tensor x"));
  }
}

TEST_F(ConvertCommandTest, ValuesAreKeptOrNamed) {
  ASSERT_EQ(Convert("a.hoist"), 0);
  ASSERT_EQ(
      Hoist({"convert", "-q", folder_.path("a.hoist"), folder_.path("a.pt")}),
      0);
  EXPECT_THAT(out(), testing::Not(HasSubstr("Warning")));
  EXPECT_EQ(Inspect(folder_.path("a.pt"))["objects"],
            Inspect(kSample)["objects"]);
  ASSERT_EQ(Convert("a.safetensors"), 0);
  EXPECT_THAT(out(),
              AllOf(HasSubstr("Warning: Values that are no tensors are text in "
                              "the metadata: epoch"),
                    HasSubstr("are left out: model_state_dict._metadata")));
}

TEST_F(ConvertCommandTest, ReplacesOnlyWithForce) {
  folder_.Write("a.pt", "old");
  EXPECT_EQ(Convert("a.pt"), 2);
  EXPECT_THAT(err(), AllOf(HasSubstr("already there"), HasSubstr("--force")));
  EXPECT_EQ(folder_.Read("a.pt"), "old");
  EXPECT_EQ(Convert("a.pt", {"--force"}), 0);
  EXPECT_THAT(folder_.Names(), ElementsAre("a.pt"));
}

TEST_F(ConvertCommandTest, SaysWhatIsWrong) {
  const auto wrong = [this](const std::string& out,
                            const std::vector<std::string>& options,
                            const std::string& message) {
    EXPECT_EQ(Convert(out, options), 2);
    EXPECT_THAT(err(), HasSubstr(message));
  };
  wrong("a.txt", {}, "Add --to=native");
  wrong("a.pt", {"--compress"}, "Only native is compressed");
  wrong("a.hoist", {"--compress", "--format-version=1"}, "ersion 1");
  wrong("a.pt", {"--max-shard-size=1MB"}, "one file, never several");
  wrong("a.hoist", {"--max-shard-size=much"}, "--max-shard-size");
  wrong("a.hoist", {"--max-shard-size=0"}, "--max-shard-size: It is 0");
  wrong("a.hoist", {"--dtype=much"}, "There is no dtype much");
  wrong("a.hoist", {"--dtype=int8"}, "only float16, bfloat16");
  wrong("a.hoist", {"--rename=x"}, "--rename");
  wrong("a.hoist", {"--rename=nothing=x"}, "nothing");
  wrong("a.hoist", {"--include=nothing"}, "nothing");
  wrong("no/folder/a.pt", {}, "no/folder");
  EXPECT_THAT(folder_.Names(), IsEmpty());
}

TEST_F(ConvertCommandTest, DamagedSourcesLeaveNothing) {
  std::ifstream in(kSample, std::ios::binary);
  std::string content{std::istreambuf_iterator<char>(in), {}};
  content[200'000] = static_cast<char>(content[200'000] ^ 1);
  folder_.Write("bad.pt", content);
  for (const std::string out : {"a.pt", "a.safetensors", "a.hoist"}) {
    EXPECT_EQ(Hoist({"convert", folder_.path("bad.pt"), folder_.path(out)}), 2);
    EXPECT_THAT(err(), HasSubstr("is damaged")) << out;
  }
  EXPECT_THAT(folder_.Names(), ElementsAre("bad.pt"));
}

TEST_F(ConvertCommandTest, CancellationLeavesWhatWasThere) {
  folder_.Write("a.pt", "old");
  CancelToken cancel;
  cancel.Cancel();
  context_.cancel = &cancel;
  EXPECT_EQ(Convert("a.pt", {"--force"}), 130);
  EXPECT_THAT(folder_.Names(), ElementsAre("a.pt"));
  EXPECT_EQ(folder_.Read("a.pt"), "old");
}

// A cast without their scales would make other weights.
TEST_F(ConvertCommandTest, Float8WeightsWithScalesStay) {
  const std::string header =
      R"({"w":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]},)"
      R"("w_scale_inv":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})";
  std::string file(8, '\0');
  file[0] = static_cast<char>(header.size());
  const std::string elements("\x38\x38\x38\x38\0\0\x80\x3f", 8);
  folder_.Write("a.safetensors", file + header + elements);
  ASSERT_EQ(Hoist({"convert", "-q", folder_.path("a.safetensors"),
                   folder_.path("b.safetensors"), "--dtype=bfloat16"}),
            0)
      << err();
  EXPECT_THAT(out(), HasSubstr("w has its scales in w_scale_inv"));
  const auto tensors = Tensors(folder_.path("b.safetensors"));
  EXPECT_THAT(tensors.at("w"), StartsWith("float8_e4m3fn"));
  EXPECT_THAT(tensors.at("w_scale_inv"), StartsWith("bfloat16"));
}

}  // namespace
}  // namespace hoist
