// Checkpoints whose files are symbolic links, as the cache of Hugging Face
// consists of them: snapshots/REVISION/NAME -> ../../blobs/DIGEST.

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/load/tensor_bytes.h"
#include "hoist/checkpoint/testing/golden_folder.h"
#include "hoist/checkpoint/verify/verify_checkpoint.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_directory.h"

namespace hoist {
namespace {

namespace fs = std::filesystem;

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A cache with one snapshot of a golden folder.
class Cache {
 public:
  explicit Cache(const std::string& golden) {
    fs::create_directories(folder_.path("blobs"));
    fs::create_directories(snapshot());
    for (const auto& entry : fs::directory_iterator(golden)) {
      if (entry.is_directory()) {
        continue;
      }
      // Without an ending, and not of a name that says what is in it.
      const std::string blob = absl::StrCat("d9", blobs_.size());
      fs::copy_file(entry.path(), folder_.path("blobs/" + blob));
      fs::create_symlink("../../blobs/" + blob,
                         fs::path(snapshot()) / entry.path().filename());
      blobs_.emplace_back(entry.path().filename(),
                          folder_.path("blobs/" + blob));
    }
  }

  std::string snapshot() const { return folder_.path("snapshots/4f2a"); }
  std::string path(const std::string& name) const { return folder_.path(name); }
  // Where the bytes of the file `name` are.
  std::string BlobOf(const std::string& name) const {
    for (const auto& [file, blob] : blobs_) {
      if (file == name) {
        return blob;
      }
    }
    ADD_FAILURE() << "No " << name;
    return "";
  }
  // Its name; empty if there is none.
  std::string index() const {
    for (const auto& [file, blob] : blobs_) {
      if (absl::EndsWith(file, ".index.json")) {
        return file;
      }
    }
    return "";
  }

 private:
  TempDirectory folder_;
  std::vector<std::pair<std::string, std::string>> blobs_;  // by file
};

// What is at `path` is what the library has, by itself and as two ranks.
void ExpectLoads(const std::string& path, const std::string& golden) {
  HOIST_ASSERT_OK_AND_ASSIGN(const Checkpoint original,
                             Checkpoint::Open(golden));
  HOIST_ASSERT_OK_AND_ASSIGN(const Checkpoint linked, Checkpoint::Open(path));
  EXPECT_EQ(linked.catalog().warnings, original.catalog().warnings);
  HOIST_ASSERT_OK_AND_ASSIGN(const LoadResult whole, Load(linked));
  ExpectTensorsOfLibrary(golden, whole.tensors);
  for (const int rank : {0, 1}) {
    const LoadOptions options = {.rank = RankOptions{
                                     .spec = SplitEveryTensor(0),
                                     .rank = rank,
                                     .world_size = 2,
                                 }};
    HOIST_ASSERT_OK_AND_ASSIGN(const LoadResult want, Load(original, options));
    HOIST_ASSERT_OK_AND_ASSIGN(const LoadResult part, Load(linked, options));
    ASSERT_EQ(part.tensors.size(), want.tensors.size());
    for (const auto& [name, tensor] : want.tensors) {
      const Tensor* const found = part.tensors.Find(name);
      ASSERT_NE(found, nullptr) << name;
      EXPECT_EQ(found->spec().shape, tensor.spec().shape) << name;
      EXPECT_TRUE(BytesOf(*found) == BytesOf(tensor)) << name;
    }
  }
}

class LinkedFolderTest : public ::testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(All, LinkedFolderTest,
                         ::testing::ValuesIn(GoldenFolders()),
                         [](const auto& info) {
                           return fs::path(info.param).filename().string();
                         });

TEST_P(LinkedFolderTest, IsLoadedAndSliced) {
  const Cache cache(GetParam());
  ExpectLoads(cache.snapshot(), GetParam());
  if (!cache.index().empty()) {
    // Its shards are beside the link, not where it leads to.
    ExpectLoads(cache.snapshot() + "/" + cache.index(), GetParam());
  }
  // A revision may be a link itself.
  fs::create_directory_symlink("4f2a", cache.path("snapshots/main"));
  ExpectLoads(cache.path("snapshots/main"), GetParam());
}

TEST_P(LinkedFolderTest, IsVerified) {
  const Cache cache(GetParam());
  HOIST_ASSERT_OK_AND_ASSIGN(const VerifyReport original,
                             VerifyPath(GetParam(), {}));
  HOIST_ASSERT_OK_AND_ASSIGN(const VerifyReport linked,
                             VerifyPath(cache.snapshot(), {}));
  EXPECT_THAT(linked.damages, IsEmpty());
  EXPECT_EQ(linked.storage_count, original.storage_count);
  EXPECT_EQ(linked.compared_bytes, original.compared_bytes);
}

constexpr char kShards[] =
    "checkpoint/testdata/shards/safetensors-0.8/safetensors_index";
constexpr char kSecond[] = "model-00002-of-00003.safetensors";

TEST(LinkTest, ABlobThatIsNotThereIsAMissingShard) {
  const Cache cache(kShards);
  fs::remove(cache.BlobOf(kSecond));
  EXPECT_THAT(Checkpoint::Open(cache.snapshot()),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr(absl::StrCat("1 is missing: ", kSecond,
                                                    " (4 tensors)")),
                             EndsWith("Nothing was loaded"))));
  HOIST_ASSERT_OK_AND_ASSIGN(const VerifyReport report,
                             VerifyPath(cache.snapshot(), {}));
  EXPECT_THAT(report.damages,
              ElementsAre(Field(&Damage::problem, HasSubstr(kSecond))));
}

TEST(LinkTest, ABlobThatIsCutOffIsNamedByItsLink) {
  const Cache cache(kShards);
  fs::resize_file(cache.BlobOf(kSecond), 600);
  EXPECT_THAT(Checkpoint::Open(cache.snapshot()),
              StatusIs(absl::StatusCode::kDataLoss,
                       AllOf(HasSubstr(kSecond), HasSubstr("cut off"))));
}

TEST(LinkTest, LinksInACircleAreAnError) {
  const Cache cache(kShards);
  const std::string link = cache.snapshot() + "/" + kSecond;
  fs::remove(link);
  fs::create_symlink(kSecond, link);
  EXPECT_THAT(Checkpoint::Open(cache.snapshot()).status().ToString(),
              AllOf(HasSubstr(kSecond), HasSubstr("Nothing was loaded")));
}

TEST(LinkTest, AFolderInPlaceOfAShardIsAnError) {
  const Cache cache(kShards);
  const std::string link = cache.snapshot() + "/" + kSecond;
  fs::remove(link);
  fs::create_directory_symlink("../../blobs", link);
  EXPECT_THAT(Checkpoint::Open(cache.snapshot()).status().ToString(),
              AllOf(HasSubstr(kSecond), HasSubstr("Nothing was loaded")));
}

}  // namespace
}  // namespace hoist
