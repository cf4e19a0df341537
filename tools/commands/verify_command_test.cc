#include <cstdlib>
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

using ::nlohmann::ordered_json;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class VerifyCommandTest : public CommandTest {
 protected:
  int Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "verify");
    return Hoist(arguments);
  }
  static std::string Sample() {
    std::ifstream in(kSample, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  // A file without checksums, of one float32 tensor "w" of `values`.
  static std::string Safetensors(const std::vector<float>& values) {
    const std::string header = absl::StrCat(
        R"({"w":{"dtype":"F32","shape":[)", values.size(),
        R"(],"data_offsets":[0,)", values.size() * sizeof(float), "]}}");
    std::string bytes(8, '\0');
    bytes[0] = static_cast<char>(header.size());
    absl::StrAppend(&bytes, header);
    bytes.append(reinterpret_cast<const char*>(values.data()),
                 values.size() * sizeof(float));
    return bytes;
  }
};

TEST_F(VerifyCommandTest, GoodIsGoodAtEachLevel) {
  for (const char* const level : {"structure", "checksum", "values", "auto"}) {
    EXPECT_EQ(Run({kSample, "--level", level}), kExitDone) << out() << err();
    EXPECT_THAT(out(), HasSubstr(absl::StrCat(kSample, "  good\n")));
  }
  EXPECT_THAT(out(), HasSubstr(" compared in "));
}

TEST_F(VerifyCommandTest, DamageIsNamed) {
  std::string content = Sample();
  // In the middle are tensors.
  content[content.size() / 2] ^= 4;
  folder_.Write("damaged.pt", content);
  EXPECT_EQ(Run({folder_.path("damaged.pt")}), kExitFound);
  EXPECT_THAT(out(), HasSubstr("  DAMAGED\n"));
  EXPECT_THAT(out(), HasSubstr("_state_dict."));
  EXPECT_THAT(out(), HasSubstr(" is recorded"));
  EXPECT_EQ(Run({folder_.path("damaged.pt"), "--level=structure"}), kExitDone);
  EXPECT_EQ(Run({folder_.path("damaged.pt"), "--json"}), kExitFound);
  const ordered_json json = ordered_json::parse(out());
  EXPECT_EQ(json["schema"], "hoist.verify/1");
  EXPECT_EQ(json["verdict"], "damaged");
  EXPECT_EQ(json["damages"].size(), 1u);
  EXPECT_THAT(json["damages"][0]["tensors"], Not(IsEmpty()));

  content.resize(content.size() / 2);
  folder_.Write("cut.pt", content);
  EXPECT_EQ(Run({folder_.path("cut.pt")}), kExitFound);
  EXPECT_THAT(out(), HasSubstr("damaged"));
}

TEST_F(VerifyCommandTest, WhatIsNotRecordedIsNoFaultUnlessItIsAskedFor) {
  folder_.Write("m.safetensors", Safetensors({1, 2}));
  EXPECT_EQ(Run({folder_.path("m.safetensors")}), kExitDone);
  EXPECT_THAT(out(), HasSubstr("not possible"));
  EXPECT_EQ(Run({folder_.path("m.safetensors"), "--level=checksum"}),
            kExitError);
  EXPECT_THAT(out(), HasSubstr("NOT VERIFIED"));
}

TEST_F(VerifyCommandTest, AManifestTakesThePlaceOfChecksums) {
  folder_.Write("m.safetensors", Safetensors({1, 2}));
  const std::string model = folder_.path("m.safetensors");
  const std::string manifest = folder_.path("SHA256SUMS");
  EXPECT_EQ(Run({model, "--write-manifest", manifest}), kExitDone) << err();
  EXPECT_EQ(std::system(absl::StrCat("cd '", folder_.path(),
                                     "' && sha256sum --strict --status -c "
                                     "SHA256SUMS")
                            .c_str()),
            0);
  EXPECT_EQ(Run({model, "--write-manifest", manifest}), kExitError);
  EXPECT_THAT(err(), HasSubstr("ALREADY_EXISTS"));
  EXPECT_EQ(Run({model, "--write-manifest", manifest, "--force"}), kExitDone);
  EXPECT_EQ(Run({model, "--level=checksum", "--manifest", manifest}),
            kExitDone);
  EXPECT_THAT(out(), HasSubstr("1 file compared"));

  folder_.Write("m.safetensors", Safetensors({1, 3}));
  EXPECT_EQ(Run({model, "--manifest", manifest}), kExitFound);
  EXPECT_THAT(out(), HasSubstr("its SHA-256 is "));
  EXPECT_EQ(Run({model, "--manifest", model}), kExitError);
  EXPECT_THAT(err(), HasSubstr("Line 1 "));
}

TEST_F(VerifyCommandTest, DamageIsNotWrittenToAManifest) {
  std::string content = Sample();
  content[content.size() / 2] ^= 4;
  folder_.Write("damaged.pt", content);
  EXPECT_EQ(Run({folder_.path("damaged.pt"), "--write-manifest",
                 folder_.path("SHA256SUMS")}),
            kExitFound);
  EXPECT_THAT(folder_.Names(), Not(Contains("SHA256SUMS")));
}

TEST_F(VerifyCommandTest, NumbersThatAreNoneAreFound) {
  folder_.Write("m.safetensors",
                Safetensors({1, std::numeric_limits<float>::infinity(), 3}));
  EXPECT_EQ(Run({folder_.path("m.safetensors"), "--level=values"}), kExitFound);
  EXPECT_THAT(out(), HasSubstr("1 of 1 tensor have NaN"));
  EXPECT_THAT(out(), HasSubstr("first at [1]"));
  EXPECT_EQ(Run({folder_.path("m.safetensors"), "--level=values", "--json"}),
            kExitFound);
  const ordered_json json = ordered_json::parse(out());
  EXPECT_EQ(json["bad_tensors"], 1);
  EXPECT_EQ(json["values"][0]["infinite"], 1);
  EXPECT_EQ(json["values"][0]["first_bad"], ordered_json::array({1}));
}

TEST_F(VerifyCommandTest, WhatIsNoCheckpointIsAnError) {
  folder_.Write("readme", "hello");
  EXPECT_EQ(Run({folder_.path("readme")}), kExitError);
  EXPECT_EQ(Run({folder_.path("not_there")}), kExitError);
  EXPECT_THAT(err(), HasSubstr("error[NOT_FOUND]"));
  EXPECT_EQ(Run({kSample, "--level=all"}), kExitError);
}

TEST_F(VerifyCommandTest, ShowsItsShareOfTheCeilingIfAsked) {
  EXPECT_EQ(Run({kSample, "--ceiling"}), kExitDone);
  EXPECT_THAT(out(), HasSubstr(" % of the ceiling"));
}

}  // namespace
}  // namespace hoist
