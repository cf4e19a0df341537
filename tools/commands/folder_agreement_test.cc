// Checkpoints in several files that do not agree with each other: what `hoist
// load` and `hoist verify` say of each, with which exit status, and that
// nothing is loaded. What index_command_test has is not here again.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/formats/dcp/dcp_metadata_builder.h"
#include "hoist/checkpoint/zip/zip_builder.h"
#include "hoist/tools/commands/command_test.h"
#include "nlohmann/json.hpp"

namespace hoist {
namespace {

namespace fs = std::filesystem;

using ::hoist::dcp_builder::Chunk;
using ::hoist::dcp_builder::Index;
using ::hoist::dcp_builder::Metadata;
using ::hoist::dcp_builder::Place;
using ::hoist::pickle_builder::Pickle;
using ::hoist::pickle_builder::Storage;
using ::hoist::pickle_builder::Text;
using ::nlohmann::json;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// ------------------------------------------------------------ shards

// What torch.save makes of a dict with a tensor of two bytes.
std::string TorchFile(const std::string& name) {
  ZipBuilder zip;
  zip.Add("archive/data.pkl",
          Pickle(pickle_builder::Dict(
              {Text(name), pickle_builder::Tensor(
                               Storage("ByteStorage", "0", 2), 0, {2}, {1})})));
  zip.Add("archive/byteorder", "little");
  zip.Add("archive/data/0", "xy");
  zip.Add("archive/version", "3\n");
  return zip.Finish();
}

constexpr char kFirst[] = "m-00001-of-00002.safetensors";
constexpr char kSecond[] = "m-00002-of-00002.safetensors";

std::string IndexText(const std::string& weight_map, int total_size = 3) {
  return absl::StrCat(R"({"metadata":{"total_size":)", total_size,
                      R"(},"weight_map":{)", weight_map, "}}");
}
constexpr char kGoodMap[] = R"("a":"m-00001-of-00002.safetensors",)"
                            R"("b":"m-00001-of-00002.safetensors",)"
                            R"("c":"m-00002-of-00002.safetensors")";

void WriteShards(const TempDirectory& folder) {
  folder.Write(kFirst, Safetensors({"a", "b"}));
  folder.Write(kSecond, Safetensors({"c"}));
}

void WriteTorchShards(const TempDirectory& folder,
                      const std::string& weight_map) {
  folder.Write("m-00001-of-00002.bin", TorchFile("a"));
  folder.Write("m-00002-of-00002.bin", TorchFile("b"));
  folder.Write("m.bin.index.json", IndexText(weight_map, 4));
}

// ------------------------------------------------------------ DCP

// Appends a piece of a tensor of bytes to a file, as torch.save makes it; says
// where it is.
std::string SavePiece(const TempDirectory& folder, const std::string& file,
                      int32_t rows) {
  const std::string bytes(static_cast<size_t>(rows) * 2, 'x');
  ZipBuilder zip;
  zip.Add("archive/data.pkl",
          Pickle(pickle_builder::Tensor(Storage("ByteStorage", "0", rows * 2),
                                        0, {rows, 2}, {2, 1})));
  zip.Add("archive/byteorder", "little");
  zip.Add("archive/data/0", bytes);
  zip.Add("archive/version", "3\n");
  const std::string archive = zip.Finish();
  const std::string before =
      fs::exists(folder.path(file)) ? folder.Read(file) : "";
  folder.Write(file, before + archive);
  return Place(file, static_cast<int32_t>(before.size()),
               static_cast<int32_t>(archive.size()));
}

// A folder of tensor "w" of three rows, of which one file has rows from 0 on,
// and another those from `second_row` on.
void WriteDcp(const TempDirectory& folder, int32_t first_rows,
              int32_t second_row, int32_t second_rows) {
  const std::string first = SavePiece(folder, "__0_0.distcp", first_rows);
  const std::string second = SavePiece(folder, "__1_0.distcp", second_rows);
  folder.Write(
      ".metadata",
      Metadata(
          {Text("w"),
           dcp_builder::Tensor("uint8", {3, 2},
                               {Chunk({0, 0}, {first_rows, 2}),
                                Chunk({second_row, 0}, {second_rows, 2})})},
          {Index("w", {0, 0}), first, Index("w", {second_row, 0}), second}));
}

// One whose only piece is said to be in `file`.
void WriteDcpOf(const TempDirectory& folder, const std::string& file) {
  SavePiece(folder, "__0_0.distcp", 3);
  folder.Write(
      ".metadata",
      Metadata({Text("w"),
                dcp_builder::Tensor("uint8", {3, 2}, {Chunk({0, 0}, {3, 2})})},
               {Index("w", {0, 0}), Place(file, 0, 10)}));
}

// ------------------------------------------------------------ what is refused

struct RefusedCase {
  std::string name;
  std::function<void(const TempDirectory&)> make;
  // Both commands say it.
  std::string message;
  int verify_status = kExitFound;

  friend void PrintTo(const RefusedCase& refused, std::ostream* out) {
    *out << refused.name;
  }
};

std::vector<RefusedCase> RefusedCases() {
  return {
      {"ANumberIsMissing",
       [](const TempDirectory& folder) {
         folder.Write(kSecond, Safetensors({"c"}));
       },
       "By their names there are 2 files m-*.safetensors, and here are 1"},
      {"ANumberThatIsNone",
       [](const TempDirectory& folder) {
         WriteShards(folder);
         folder.Write("m-00003-of-00002.safetensors", Safetensors({"d"}));
       },
       "m-00003-of-00002.safetensors: There is no number 3 of 2 files"},
      {"TwoCounts",
       [](const TempDirectory& folder) {
         folder.Write(kFirst, Safetensors({"a"}));
         folder.Write("m-00002-of-00003.safetensors", Safetensors({"b"}));
       },
       "By their names there are 2 files m-*.safetensors, and here are 1"},
      {"ATensorInTwoFilesWithoutAnIndex",
       [](const TempDirectory& folder) {
         WriteShards(folder);
         folder.Write(kSecond, Safetensors({"b", "c"}));
       },
       "Tensor \"b\" is in m-00001-of-00002.safetensors and in "
       "m-00002-of-00002.safetensors"},
      {"ATensorTwiceInTheIndex",
       [](const TempDirectory& folder) {
         WriteShards(folder);
         folder.Write(
             "m.safetensors.index.json",
             IndexText(absl::StrCat(kGoodMap, ",\"a\":\"", kSecond, "\"")));
       },
       "Tensor \"a\" is there twice"},
      {"AShardOfAnotherRevision",
       [](const TempDirectory& folder) {
         WriteShards(folder);
         folder.Write(kSecond, Safetensors({"c", "new"}));
         folder.Write("m.safetensors.index.json", IndexText(kGoodMap));
       },
       "m-00002-of-00002.safetensors has \"new\", which the index does not "
       "have: index and file are of different revisions"},
      {"AFileWithoutAName",
       [](const TempDirectory& folder) {
         WriteShards(folder);
         folder.Write("m.safetensors.index.json", IndexText(R"("a":"")"));
       },
       "tensor \"a\" is in a file without a name"},
      {"AnAbsolutePath",
       [](const TempDirectory& folder) {
         folder.Write("m.safetensors.index.json",
                      IndexText(R"("a":"/etc/passwd")"));
       },
       "\"/etc/passwd\", which leads out of the index's folder", kExitError},
      {"APathOfAnotherSystem",
       [](const TempDirectory& folder) {
         folder.Write("m.safetensors.index.json",
                      IndexText(R"("a":"sub\\..\\..\\x.safetensors")"));
       },
       "which leads out of the index's folder", kExitError},
      {"ATorchShardIsMissing",
       [](const TempDirectory& folder) {
         WriteTorchShards(folder, R"("a":"m-00001-of-00002.bin",)"
                                  R"("b":"m-00002-of-00002.bin")");
         fs::remove(folder.path("m-00002-of-00002.bin"));
       },
       "The index names 2 files, 1 is missing: m-00002-of-00002.bin "
       "(1 tensor)"},
      {"ATorchShardLacksATensor",
       [](const TempDirectory& folder) {
         WriteTorchShards(folder, R"("a":"m-00001-of-00002.bin",)"
                                  R"("z":"m-00001-of-00002.bin",)"
                                  R"("b":"m-00002-of-00002.bin")");
       },
       "The index has \"z\" in m-00001-of-00002.bin, which does not have it"},
      {"ATorchShardThatIsCutOff",
       [](const TempDirectory& folder) {
         WriteTorchShards(folder, R"("a":"m-00001-of-00002.bin",)"
                                  R"("b":"m-00002-of-00002.bin")");
         folder.Write("m-00002-of-00002.bin", TorchFile("b").substr(0, 300));
       },
       "m-00002-of-00002.bin: "},
      {"DcpOverlap",
       [](const TempDirectory& folder) { WriteDcp(folder, 2, 1, 2); },
       "Tensor \"w\": element [1, 0] is in piece [0:2, 0:2] and in [1:3, "
       "0:2]"},
      {"DcpHole",
       [](const TempDirectory& folder) { WriteDcp(folder, 1, 2, 1); },
       "Tensor \"w\": element [1, 0] of shape [3, 2] is in no piece"},
      {"DcpPieceOutside",
       [](const TempDirectory& folder) { WriteDcp(folder, 2, 2, 2); },
       "Tensor \"w\": piece [2:4, 0:2]"},
      {"DcpFileIsMissing",
       [](const TempDirectory& folder) {
         WriteDcp(folder, 2, 2, 1);
         fs::remove(folder.path("__1_0.distcp"));
       },
       "1 of 2 files is not there: __1_0.distcp, which has \"w\""},
      {"DcpFileIsCutOff",
       [](const TempDirectory& folder) {
         WriteDcp(folder, 2, 2, 1);
         folder.Write("__1_0.distcp", folder.Read("__1_0.distcp").substr(9));
       },
       "which is cut off, or of another save"},
      {"DcpFileOfAnotherSave",
       [](const TempDirectory& folder) {
         WriteDcp(folder, 2, 2, 1);
         // An archive of the same size, of another number of rows.
         const size_t size = folder.Read("__1_0.distcp").size();
         fs::remove(folder.path("__1_0.distcp"));
         SavePiece(folder, "__1_0.distcp", 2);
         EXPECT_EQ(folder.Read("__1_0.distcp").size(), size);
       },
       "it is of uint8 and of shape [2, 2], and should be of uint8 and of "
       "shape [1, 2]"},
      {"DcpWithoutMetadata",
       [](const TempDirectory& folder) {
         WriteDcp(folder, 2, 2, 1);
         fs::remove(folder.path(".metadata"));
       },
       "An incomplete save"},
      {"DcpPieceWithoutAPlace",
       [](const TempDirectory& folder) {
         const std::string first = SavePiece(folder, "__0_0.distcp", 2);
         folder.Write(
             ".metadata",
             Metadata({Text("w"), dcp_builder::Tensor("uint8", {3, 2},
                                                      {Chunk({0, 0}, {2, 2}),
                                                       Chunk({2, 0}, {1, 2})})},
                      {Index("w", {0, 0}), first}));
       },
       "Tensor \"w\": piece [2:3, 0:2]: storage_data does not say where it "
       "is"},
      {"DcpPathThatLeadsOut",
       [](const TempDirectory& folder) {
         WriteDcpOf(folder, "../__0_0.distcp");
       },
       "leads out", kExitError},
      {"DcpAbsolutePath",
       [](const TempDirectory& folder) {
         WriteDcpOf(folder, folder.path("__0_0.distcp"));
       },
       "leads out", kExitError},
  };
}

class RefusedFolderTest : public CommandTest,
                          public ::testing::WithParamInterface<RefusedCase> {};

INSTANTIATE_TEST_SUITE_P(All, RefusedFolderTest,
                         ::testing::ValuesIn(RefusedCases()),
                         [](const auto& info) { return info.param.name; });

TEST_P(RefusedFolderTest, NothingIsLoaded) {
  GetParam().make(folder_);
  using Arguments = std::vector<std::string>;
  for (const Arguments& more :
       {Arguments{}, Arguments{"--json"}, Arguments{"--dry-run"},
        Arguments{"--rank=0", "--world-size=2", "--shard-dim=0"}}) {
    Arguments arguments = {"load", "-q", "--device=cpu", folder_.path()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    EXPECT_EQ(Hoist(arguments), kExitError);
    EXPECT_THAT(err(), HasSubstr(GetParam().message));
    EXPECT_EQ(out(), "");
  }
}

TEST_P(RefusedFolderTest, VerifySaysIt) {
  GetParam().make(folder_);
  for (const char* const level : {"--level=structure", "--level=auto"}) {
    EXPECT_EQ(Hoist({"verify", "-q", "--json", level, folder_.path()}),
              GetParam().verify_status)
        << err();
    if (GetParam().verify_status == kExitError) {
      EXPECT_THAT(err(), HasSubstr(GetParam().message));
      EXPECT_EQ(out(), "");
      continue;
    }
    const json report = json::parse(out());
    EXPECT_EQ(report["verdict"], "damaged");
    EXPECT_EQ(report["read_bytes"], 0);
    std::vector<std::string> problems;
    for (const json& damage : report["damages"]) {
      problems.push_back(damage["problem"]);
    }
    EXPECT_THAT(problems, Contains(HasSubstr(GetParam().message)));
  }
}

// Hoist's own format in several files.
class NativeFolderTest : public CommandTest {
 protected:
  void SetUp() override {
    ASSERT_EQ(Hoist({"convert", "-q", kSample, folder_.path("model"),
                     "--to=native", "--max-shard-size=20KB"}),
              kExitDone)
        << err();
    for (const std::string& name : folder_.Names("model")) {
      if (name.rfind("shard-", 0) == 0) {
        shards_.push_back(name);
      }
    }
    ASSERT_GE(shards_.size(), 2u);
  }

  void ExpectRefused(const std::string& message) {
    EXPECT_EQ(Hoist({"load", "-q", "--device=cpu", folder_.path("model")}),
              kExitError);
    EXPECT_THAT(err(), HasSubstr(message));
    EXPECT_EQ(out(), "");
    EXPECT_EQ(Hoist({"verify", "-q", folder_.path("model")}), kExitFound)
        << err();
    EXPECT_THAT(out(), HasSubstr(message));
  }

  std::vector<std::string> shards_;
};

TEST_F(NativeFolderTest, AShardIsMissing) {
  fs::remove(folder_.path("model/" + shards_[1]));
  ExpectRefused(shards_[1]);
}

TEST_F(NativeFolderTest, AShardIsInThePlaceOfAnother) {
  fs::copy_file(folder_.path("model/" + shards_[0]),
                folder_.path("model/" + shards_[1]),
                fs::copy_options::overwrite_existing);
  ExpectRefused(shards_[1]);
}

// ------------------------------------------------------------ what is said

struct WarnedCase {
  std::string name;
  std::function<void(const TempDirectory&)> make;
  std::string warning;

  friend void PrintTo(const WarnedCase& warned, std::ostream* out) {
    *out << warned.name;
  }
};

std::vector<WarnedCase> WarnedCases() {
  return {
      {"OtherFiles",
       [](const TempDirectory& folder) {
         WriteShards(folder);
         folder.Write("m.safetensors.index.json", IndexText(kGoodMap));
         folder.Write("old.safetensors", Safetensors({"a"}));
         folder.Write("older.safetensors", Safetensors({"z"}));
       },
       "2 files are not in the index, and ignored: old.safetensors, "
       "older.safetensors"},
      {"OtherTorchFiles",
       [](const TempDirectory& folder) {
         WriteTorchShards(folder, R"("a":"m-00001-of-00002.bin",)"
                                  R"("b":"m-00002-of-00002.bin")");
         folder.Write("training_args.bin", TorchFile("x"));
       },
       "1 file is not in the index, and ignored: training_args.bin"},
      {"TotalSize",
       [](const TempDirectory& folder) {
         WriteShards(folder);
         folder.Write("m.safetensors.index.json", IndexText(kGoodMap, 7));
       },
       "The index counts 7 bytes of tensors, and there are 3"},
      {"DcpFileThatNothingNames",
       [](const TempDirectory& folder) {
         WriteDcp(folder, 2, 2, 1);
         SavePiece(folder, "__2_0.distcp", 1);
       },
       "1 file is not in .metadata, and ignored: __2_0.distcp"},
  };
}

class WarnedFolderTest : public CommandTest,
                         public ::testing::WithParamInterface<WarnedCase> {};

INSTANTIATE_TEST_SUITE_P(All, WarnedFolderTest,
                         ::testing::ValuesIn(WarnedCases()),
                         [](const auto& info) { return info.param.name; });

TEST_P(WarnedFolderTest, ItIsLoadedAndSaid) {
  GetParam().make(folder_);
  EXPECT_EQ(Hoist({"load", "-q", "--device=cpu", folder_.path()}), kExitDone)
      << err();
  EXPECT_THAT(out(), HasSubstr(GetParam().warning));
  EXPECT_EQ(Hoist({"load", "-q", "--device=cpu", "--json", folder_.path()}),
            kExitDone);
  EXPECT_THAT(json::parse(out())["warnings"],
              ElementsAre(HasSubstr(GetParam().warning)));
  EXPECT_EQ(Hoist({"verify", "-q", folder_.path()}), kExitDone) << out();
  EXPECT_THAT(out(), HasSubstr(GetParam().warning));
  EXPECT_EQ(Hoist({"verify", "-q", "--json", folder_.path()}), kExitDone);
  EXPECT_THAT(json::parse(out())["warnings"],
              ElementsAre(HasSubstr(GetParam().warning)));
}

}  // namespace
}  // namespace hoist
