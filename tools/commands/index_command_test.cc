#include <filesystem>
#include <string>
#include <utility>
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
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kFirst[] = "m-00001-of-00002.safetensors";
constexpr char kSecond[] = "m-00002-of-00002.safetensors";
constexpr char kIndex[] = "m.safetensors.index.json";

class IndexCommandTest : public CommandTest {
 protected:
  // Tensors a and b in the first file, c in the second, and their index.
  void WriteAll() const {
    folder_.Write(kFirst, Safetensors({"a", "b"}));
    folder_.Write(kSecond, Safetensors({"c"}));
    WriteIndex({{"a", kFirst}, {"b", kFirst}, {"c", kSecond}});
  }
  void WriteIndex(const std::vector<std::pair<std::string, std::string>>& map,
                  int64_t total_size = 3) const {
    json index;
    index["metadata"] = {{"total_size", total_size}};
    for (const auto& [tensor, file] : map) {
      index["weight_map"][tensor] = file;
    }
    folder_.Write(kIndex, index.dump());
  }
  void Remove(const std::string& name) const {
    std::filesystem::remove(folder_.path(name));
  }
  // Nothing is loaded, and `hoist load` says `text`.
  void ExpectNotLoaded(const std::string& text) {
    EXPECT_EQ(Hoist({"load", "-q", folder_.path()}), 2);
    EXPECT_THAT(err(), HasSubstr(text));
    EXPECT_EQ(out(), "");
  }
  json Verify(int status) {
    EXPECT_EQ(
        Hoist({"verify", "-q", "--json", "--level=structure", folder_.path()}),
        status)
        << err();
    return json::parse(out());
  }
  // What `hoist verify` says, one by one.
  std::vector<std::string> Problems() {
    std::vector<std::string> problems;
    const json report = Verify(1);
    for (const json& damage : report["damages"]) {
      problems.push_back(damage["problem"]);
    }
    return problems;
  }
};

TEST_F(IndexCommandTest, AgreesAndIsLoaded) {
  WriteAll();
  EXPECT_EQ(Hoist({"load", "-q", folder_.path()}), 0) << err();
  EXPECT_EQ(Verify(0)["verdict"], "good");
  EXPECT_EQ(Hoist({"index", "rebuild", folder_.path()}), 0);
  EXPECT_THAT(out(), HasSubstr("Nothing to change"));
}

TEST_F(IndexCommandTest, AMissingShard) {
  WriteAll();
  Remove(kSecond);
  ExpectNotLoaded("The index names 2 files, 1 is missing");
  const json report = Verify(1);
  EXPECT_EQ(report["damages"][0]["tensors"], json({"c"}));
  EXPECT_EQ(Hoist({"index", "rebuild", folder_.path()}), 2);
  EXPECT_THAT(err(), HasSubstr("1 of 2 files m-*.safetensors"));
}

TEST_F(IndexCommandTest, AShardThatIsCutOff) {
  WriteAll();
  folder_.Write(kSecond, Safetensors({"c"}).substr(0, 20));
  ExpectNotLoaded(kSecond);
  EXPECT_THAT(Problems(),
              ElementsAre(AllOf(HasSubstr(kSecond), HasSubstr("cut off"))));
  EXPECT_EQ(Hoist({"index", "rebuild", folder_.path()}), 2);
  EXPECT_THAT(err(), HasSubstr(kSecond));
}

TEST_F(IndexCommandTest, TensorsThatIndexAndShardsDoNotBothHave) {
  WriteAll();
  WriteIndex({{"a", kFirst}, {"c", kFirst}, {"z", kSecond}});
  ExpectNotLoaded("more findings");
  EXPECT_THAT(
      Problems(),
      ElementsAre(AllOf(HasSubstr("has \"c\" in"), HasSubstr(kFirst)),
                  AllOf(HasSubstr("has \"z\" in"), HasSubstr(kSecond)),
                  AllOf(HasSubstr("has \"b\""), HasSubstr("index does not"))));

  EXPECT_EQ(Hoist({"index", "rebuild", "--dry-run", folder_.path()}), 0);
  EXPECT_THAT(
      out(),
      AllOf(HasSubstr("Would write"), HasSubstr("\"b\": added in"),
            HasSubstr("\"c\": moved from"), HasSubstr("\"z\": removed from")));
  ExpectNotLoaded("more findings");
  EXPECT_EQ(Hoist({"index", "rebuild", folder_.path()}), 0) << err();
  EXPECT_EQ(Hoist({"load", "-q", folder_.path()}), 0) << err();
  EXPECT_EQ(Verify(0)["verdict"], "good");
}

TEST_F(IndexCommandTest, ATensorInTwoShards) {
  WriteAll();
  folder_.Write(kSecond, Safetensors({"a", "c"}));
  ExpectNotLoaded("Tensor \"a\" is in");
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("different revisions")));
  const std::string before = folder_.Read(kIndex);
  EXPECT_EQ(Hoist({"index", "rebuild", folder_.path()}), 2);
  EXPECT_THAT(err(), AllOf(HasSubstr("No index would be right"),
                           HasSubstr("Tensor \"a\" is in")));
  EXPECT_EQ(folder_.Read(kIndex), before);
}

TEST_F(IndexCommandTest, CountsOfTwoRevisions) {
  constexpr char kOther[] = "m-00002-of-00003.safetensors";
  WriteAll();
  Remove(kSecond);
  folder_.Write(kOther, Safetensors({"c"}));
  WriteIndex({{"a", kFirst}, {"b", kFirst}, {"c", kOther}});
  ExpectNotLoaded("By their names there are 2 files");
  EXPECT_THAT(Problems(),
              ElementsAre(HasSubstr("2 files"), HasSubstr("3 files")));
  EXPECT_EQ(Hoist({"index", "rebuild", folder_.path()}), 2);
  EXPECT_THAT(err(), HasSubstr("No set of files is complete"));
}

TEST_F(IndexCommandTest, NamesThatLeadOut) {
  WriteAll();
  for (const std::string& name :
       {std::string("../x.safetensors"), folder_.path(kFirst),
        std::string("a/../b")}) {
    WriteIndex({{"a", name}});
    ExpectNotLoaded("leads out of the index's folder");
    EXPECT_EQ(Hoist({"verify", "-q", folder_.path()}), 2);
    EXPECT_THAT(err(), HasSubstr("leads out of the index's folder"));
  }
  EXPECT_EQ(Hoist({"index", "rebuild", folder_.path()}), 0) << err();
  EXPECT_THAT(out(), HasSubstr("cannot be read"));
  EXPECT_EQ(Hoist({"load", "-q", folder_.path()}), 0) << err();
}

TEST_F(IndexCommandTest, OtherFilesAndTotalsAreWarnings) {
  WriteAll();
  folder_.Write("old.safetensors", Safetensors({"a"}));
  WriteIndex({{"a", kFirst}, {"b", kFirst}, {"c", kSecond}}, 7);
  const json report = Verify(0);
  EXPECT_THAT(report["warnings"],
              ElementsAre(HasSubstr("counts 7 bytes"),
                          HasSubstr("ignored: old.safetensors")));
  EXPECT_EQ(Hoist({"load", "-q", folder_.path()}), 0);
  EXPECT_EQ(Hoist({"index", "rebuild", folder_.path()}), 0);
  EXPECT_THAT(out(), AllOf(HasSubstr("total_size: 7 to 3"),
                           HasSubstr("not in the index: old.safetensors")));
  EXPECT_THAT(Verify(0)["warnings"], ElementsAre(HasSubstr("old")));
}

TEST_F(IndexCommandTest, AStaleIndexOfMoreFiles) {
  WriteAll();
  WriteIndex({{"a", "m-00001-of-00003.safetensors"},
              {"b", "m-00002-of-00003.safetensors"},
              {"c", "m-00003-of-00003.safetensors"}});
  ExpectNotLoaded("The index names 3 files, 3 are missing");
  EXPECT_EQ(Hoist({"index", "rebuild", folder_.path()}), 0) << err();
  EXPECT_EQ(Hoist({"load", "-q", folder_.path()}), 0) << err();
}

TEST_F(IndexCommandTest, ANewIndexHasTheNameAndTheOrderOfOthers) {
  WriteAll();
  Remove(kIndex);
  EXPECT_EQ(Hoist({"index", "rebuild", "--json", folder_.path()}), 0) << err();
  const json report = json::parse(out());
  EXPECT_EQ(report["schema"], "hoist.index/1");
  EXPECT_EQ(report["written"], true);
  EXPECT_EQ(folder_.Read(kIndex),
            "{\n"
            "  \"metadata\": {\n"
            "    \"total_size\": 3\n"
            "  },\n"
            "  \"weight_map\": {\n"
            "    \"a\": \"m-00001-of-00002.safetensors\",\n"
            "    \"b\": \"m-00001-of-00002.safetensors\",\n"
            "    \"c\": \"m-00002-of-00002.safetensors\"\n"
            "  }\n"
            "}\n");
}

TEST_F(IndexCommandTest, MetadataIsKept) {
  WriteAll();
  folder_.Write(kIndex,
                R"({"metadata":{"note":"a \"b\"","total_parameters":9,)"
                R"("list":[1,{"x":2}],"total_size":3.0},)"
                R"("weight_map":{"a":"m-00001-of-00002.safetensors"}})");
  EXPECT_EQ(Hoist({"index", "rebuild", folder_.path()}), 0) << err();
  EXPECT_THAT(out(), AllOf(HasSubstr("total_parameters: 9 to 3"),
                           Not(HasSubstr("total_size"))));
  const json index = json::parse(folder_.Read(kIndex));
  EXPECT_EQ(index["metadata"],
            json::parse(R"({"note":"a \"b\"","total_parameters":3,)"
                        R"("list":[1,{"x":2}],"total_size":3})"));
}

TEST_F(IndexCommandTest, ALinkIsNotWrittenThrough) {
  WriteAll();
  WriteIndex({{"a", kFirst}});
  std::filesystem::rename(folder_.path(kIndex), folder_.path("blob"));
  std::filesystem::create_symlink("blob", folder_.path(kIndex));
  EXPECT_EQ(Hoist({"index", "rebuild", folder_.path()}), 2);
  EXPECT_THAT(err(), HasSubstr("is a link"));
}

TEST_F(IndexCommandTest, WhatIsNoSetOfShards) {
  EXPECT_EQ(Hoist({"index", "rebuild", folder_.path()}), 2);
  EXPECT_THAT(err(), HasSubstr("no files of weights"));
  EXPECT_EQ(Hoist({"index", "rebuild", folder_.path("none")}), 2);
  WriteAll();
  folder_.Write("m-00001-of-00001.safetensors", Safetensors({"a"}));
  EXPECT_EQ(Hoist({"index", "rebuild", folder_.path()}), 2);
  EXPECT_THAT(err(), HasSubstr("Several sets of files are complete"));
  EXPECT_EQ(Hoist({"index"}), 2);
}

}  // namespace
}  // namespace hoist
