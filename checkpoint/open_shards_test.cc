#include "hoist/checkpoint/open_shards.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StrEq;

// A safetensors file with uint8 tensors of one element: name and value.
std::string Safetensors(
    const std::vector<std::pair<std::string, char>>& tensors) {
  std::string header = "{";
  std::string data;
  for (const auto& [name, value] : tensors) {
    absl::StrAppend(&header, data.empty() ? "" : ",", "\"", name,
                    R"(":{"dtype":"U8","shape":[1],"data_offsets":[)",
                    data.size(), ",", data.size() + 1, "]}");
    data += value;
  }
  header += "}";
  std::string length(8, '\0');
  length[0] = static_cast<char>(header.size());
  length[1] = static_cast<char>(header.size() >> 8);
  return length + header + data;
}

class OpenShardsTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = absl::StrCat(
        testing::TempDir(), "/shards_",
        testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }

  void Write(const std::string& name, const std::string& content) const {
    std::ofstream(absl::StrCat(folder_, "/", name), std::ios::binary)
        << content;
  }
  // Tensor a in the first file, b in the second.
  void WriteTwo() const {
    Write("m-00001-of-00002.safetensors", Safetensors({{"a", 'A'}}));
    Write("m-00002-of-00002.safetensors", Safetensors({{"b", 'B'}}));
  }
  void WriteIndex(const std::string& weight_map) const {
    Write("m.safetensors.index.json",
          absl::StrCat(R"({"metadata":{"total_size":2},"weight_map":)",
                       weight_map, "}"));
  }
  static constexpr char kMap[] = R"({"a":"m-00001-of-00002.safetensors",)"
                                 R"("b":"m-00002-of-00002.safetensors"})";

  std::string folder_;
};

std::string ByteOf(const LoadResult& loaded, const std::string& name) {
  const Tensor* const tensor = loaded.tensors.Find(name);
  return tensor == nullptr
             ? "none"
             : std::string(1, *static_cast<const char*>(tensor->data()));
}

TEST_F(OpenShardsTest, LoadsAFolderWithAnIndex) {
  WriteTwo();
  WriteIndex(kMap);
  for (const std::string& path :
       {folder_, folder_ + "/", folder_ + "/m.safetensors.index.json"}) {
    HOIST_ASSERT_OK_AND_ASSIGN(const Checkpoint checkpoint,
                               Checkpoint::Open(path));
    EXPECT_EQ(checkpoint.path(), path);
    EXPECT_EQ(FormatName(checkpoint.catalog().format), "safetensors_index");
    EXPECT_TRUE(checkpoint.catalog().warnings.empty());
    HOIST_ASSERT_OK_AND_ASSIGN(const LoadResult loaded, Load(checkpoint));
    EXPECT_EQ(ByteOf(loaded, "a"), "A");
    EXPECT_EQ(ByteOf(loaded, "b"), "B");
    EXPECT_EQ(checkpoint.catalog().root().size(), 2);
  }
}

TEST_F(OpenShardsTest, LoadsNumberedFilesWithoutAnIndex) {
  WriteTwo();
  HOIST_ASSERT_OK_AND_ASSIGN(const Checkpoint checkpoint,
                             Checkpoint::Open(folder_));
  HOIST_ASSERT_OK_AND_ASSIGN(const LoadResult loaded, Load(checkpoint));
  EXPECT_EQ(ByteOf(loaded, "b"), "B");
  std::filesystem::remove(folder_ + "/m-00001-of-00002.safetensors");
  EXPECT_THAT(Checkpoint::Open(folder_),
              StatusIs(absl::StatusCode::kDataLoss,
                       AllOf(HasSubstr(folder_ + ": By their names there are 2 "
                                                 "files m-*.safetensors"),
                             EndsWith("Nothing was loaded"))));
}

TEST_F(OpenShardsTest, LoadsTheOnlySafetensorsFile) {
  Write("model.safetensors", Safetensors({{"a", 'A'}}));
  Write("config.json", "{}");
  HOIST_ASSERT_OK_AND_ASSIGN(const Checkpoint checkpoint,
                             Checkpoint::Open(folder_));
  HOIST_ASSERT_OK_AND_ASSIGN(const LoadResult loaded, Load(checkpoint));
  EXPECT_EQ(ByteOf(loaded, "a"), "A");
  Write("other.safetensors", Safetensors({{"b", 'B'}}));
  EXPECT_THAT(Checkpoint::Open(folder_),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("2 safetensors files")));
}

TEST_F(OpenShardsTest, FollowsLinks) {
  WriteTwo();
  std::filesystem::create_directories(folder_ + "/snapshot");
  for (const std::string file :
       {"m-00001-of-00002.safetensors", "m-00002-of-00002.safetensors"}) {
    std::filesystem::create_symlink("../" + file,
                                    folder_ + "/snapshot/" + file);
  }
  HOIST_EXPECT_OK(Checkpoint::Open(folder_ + "/snapshot"));
}

TEST_F(OpenShardsTest, AMissingShardIsNothingLoaded) {
  WriteTwo();
  WriteIndex(kMap);
  std::filesystem::remove(folder_ + "/m-00002-of-00002.safetensors");
  const absl::Status status = Checkpoint::Open(folder_).status();
  EXPECT_THAT(
      status,
      StatusIs(absl::StatusCode::kNotFound,
               AllOf(HasSubstr("The index names 2 files, 1 is missing: "
                               "m-00002-of-00002.safetensors (1 tensor)"),
                     EndsWith("Nothing was loaded"))));
  EXPECT_THAT(HintOf(status), HasSubstr("all files of one revision"));
}

TEST_F(OpenShardsTest, AStaleIndexIsNothingLoaded) {
  WriteTwo();
  WriteIndex(R"({"a":"m-00001-of-00002.safetensors",)"
             R"("c":"m-00002-of-00002.safetensors"})");
  EXPECT_THAT(
      Checkpoint::Open(folder_),
      StatusIs(absl::StatusCode::kDataLoss,
               AllOf(HasSubstr("\"c\""), HasSubstr("(and 1 more findings)"))));
}

TEST_F(OpenShardsTest, OtherFilesAndTotalsAreWarnings) {
  WriteTwo();
  Write("m-00009-of-00009.safetensors", Safetensors({{"z", 'Z'}}));
  Write(
      "m.safetensors.index.json",
      absl::StrCat(R"({"metadata":{"total_size":3},"weight_map":)", kMap, "}"));
  HOIST_ASSERT_OK_AND_ASSIGN(const Checkpoint checkpoint,
                             Checkpoint::Open(folder_));
  EXPECT_THAT(checkpoint.catalog().warnings,
              ElementsAre(HasSubstr("counts 3 bytes"),
                          HasSubstr("m-00009-of-00009.safetensors")));
}

TEST_F(OpenShardsTest, TwoIndexesAreAQuestion) {
  WriteTwo();
  WriteIndex(kMap);
  Write("m.fp16.safetensors.index.json",
        absl::StrCat(R"({"weight_map":)", kMap, "}"));
  EXPECT_THAT(Checkpoint::Open(folder_),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("2 indexes of checkpoints")));
  HOIST_EXPECT_OK(Checkpoint::Open(folder_ + "/m.safetensors.index.json"));
}

TEST_F(OpenShardsTest, AnIndexIntoOtherFoldersIsRefused) {
  WriteIndex(R"({"a":"../secret.safetensors"})");
  EXPECT_THAT(Checkpoint::Open(folder_),
              StatusIs(absl::StatusCode::kPermissionDenied));
}

}  // namespace
}  // namespace hoist
