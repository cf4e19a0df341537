#include "hoist/checkpoint/formats/detect/folders.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;

constexpr auto kInvalidArgument = absl::StatusCode::kInvalidArgument;
constexpr auto kUnimplemented = absl::StatusCode::kUnimplemented;

const std::string kSafetensors("\2\0\0\0\0\0\0\0{}", 10);

// A new folder; names that end with "/" are folders in it, the others files.
std::string MakeFolder(
    const std::vector<std::pair<std::string, std::string>>& files) {
  static int counter = 0;
  const std::string path =
      absl::StrCat(::testing::TempDir(), "/folder", counter++);
  std::filesystem::remove_all(path);
  std::filesystem::create_directories(path);
  for (const auto& [name, content] : files) {
    if (name.back() == '/') {
      std::filesystem::create_directory(absl::StrCat(path, "/", name));
    } else {
      std::ofstream(absl::StrCat(path, "/", name), std::ios::binary) << content;
    }
  }
  return path;
}

TEST(FoldersTest, TellsAFolder) {
  EXPECT_TRUE(IsFolder(MakeFolder({})));
  EXPECT_FALSE(IsFolder(MakeFolder({}) + "/not_there"));
  EXPECT_FALSE(IsFolder(MakeFolder({{"a", "b"}}) + "/a"));
}

TEST(FoldersTest, ListsWhatIsInside) {
  // By what is in them: the names are of no help.
  const std::string path =
      MakeFolder({{"config.json", "{}"},
                  {"b.bin", kSafetensors},
                  {"a.bin", kSafetensors},
                  {"index.txt", R"({"weight_map":{"w":"a.bin"}})"},
                  {"model.onnx",
                   "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."},
                  {"code/", ""}});
  const absl::Status status = RefuseFolder(path);
  EXPECT_THAT(
      status,
      StatusIs(kInvalidArgument,
               AllOf(HasSubstr(path + ": A directory"),
                     HasSubstr("2 safetensors files (a.bin first), 1 PyTorch "
                               "file (model.onnx), 1 index of a checkpoint in "
                               "several files (index.txt), 1 other file, 1 "
                               "folder (code)"))));
  EXPECT_THAT(HintOf(status), HasSubstr("/a.bin, then the others"));
  EXPECT_THAT(HintOf(RefuseFolder(MakeFolder({{"a", kSafetensors}}) + "/")),
              AllOf(EndsWith("/a"), testing::Not(HasSubstr("//a"))));
}

TEST(FoldersTest, FoldersWithoutCheckpoints) {
  for (const std::string& path :
       {MakeFolder({}), MakeFolder({{"note.txt", "text"}})}) {
    EXPECT_THAT(RefuseFolder(path), StatusIs(kInvalidArgument));
    EXPECT_THAT(HintOf(RefuseFolder(path)), HasSubstr("no checkpoint"));
  }
}

TEST(FoldersTest, CheckpointsThatAreFolders) {
  const std::string distributed =
      MakeFolder({{"__0_0.distcp", "x"}, {"__1_0.distcp", "x"}});
  EXPECT_THAT(RefuseFolder(distributed),
              StatusIs(absl::StatusCode::kDataLoss,
                       AllOf(HasSubstr("An incomplete save"),
                             HasSubstr("2 .distcp files"))));
  EXPECT_THAT(HintOf(RefuseFolder(distributed)), HasSubstr("with a dot"));
  EXPECT_THAT(
      RefuseFolder(MakeFolder({{"latest", "x"}, {"global_step10/", ""}})),
      StatusIs(kUnimplemented, HasSubstr("DeepSpeed")));
  EXPECT_THAT(
      RefuseFolder(MakeFolder({{"latest_checkpointed_iteration.txt", "10"}})),
      StatusIs(kUnimplemented, HasSubstr("Megatron")));
  EXPECT_THAT(RefuseFolder(MakeFolder({{"saved_model.pb", "x"}})),
              StatusIs(kInvalidArgument, HasSubstr("SavedModel")));
  const std::string unpacked = MakeFolder({{"data.pkl", "x"}, {"data/", ""}});
  EXPECT_THAT(RefuseFolder(unpacked),
              StatusIs(kUnimplemented, HasSubstr("unpacked")));
  EXPECT_THAT(HintOf(RefuseFolder(unpacked + "/")),
              AllOf(HasSubstr(unpacked + "/.. && zip -0 -r model.pt folder")));
}

}  // namespace
}  // namespace hoist
