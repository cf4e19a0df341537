// The files in testdata/, which were written when the format was made, are read
// as they were then.

#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/load/digest.h"
#include "hoist/checkpoint/testing/catalog_text.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

constexpr absl::string_view kFolder = "checkpoint/formats/native/testdata/";

std::string Content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

// All that is in a checkpoint.
std::string TextOf(const Checkpoint& checkpoint) {
  Catalog catalog = checkpoint.catalog();
  for (FileEntry& file : catalog.files) {
    file.path = file.path.substr(file.path.rfind('/') + 1);
  }
  std::string text = CatalogText(catalog);
  const auto digests =
      TensorDigests(catalog, checkpoint.files(), /*pool=*/nullptr);
  HOIST_EXPECT_OK(digests);
  for (size_t i = 0; digests.ok() && i < digests->size(); ++i) {
    absl::StrAppend(&text, "digest ", catalog.tensors[i].name, " ",
                    (*digests)[i].value_or("none"), "\n");
  }
  return text;
}

class NativeGoldenTest : public ::testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(Files, NativeGoldenTest,
                         ::testing::Values("version_1.hoist",
                                           "version_2_raw.hoist",
                                           "version_2_encoded.hoist",
                                           "version_1_directory",
                                           "version_2_directory"));

TEST_P(NativeGoldenTest, IsReadAsItWasWritten) {
  const std::string path = absl::StrCat(kFolder, GetParam());
  HOIST_ASSERT_OK_AND_ASSIGN(const Checkpoint checkpoint,
                             Checkpoint::Open(path));
  EXPECT_EQ(TextOf(checkpoint), Content(absl::StrCat(path, ".expected.txt")));
  HOIST_ASSERT_OK_AND_ASSIGN(const LoadResult loaded, Load(checkpoint));
  EXPECT_EQ(loaded.report.verified, Verified::kChecksum);
}

TEST(NativeGoldenTest, OneContentHasOneDigest) {
  HOIST_ASSERT_OK_AND_ASSIGN(
      const Checkpoint first,
      Checkpoint::Open(absl::StrCat(kFolder, "version_1.hoist")));
  const auto digest = first.catalog().metadata.back();
  EXPECT_EQ(digest.first, "hoist.digest");
  for (const absl::string_view name :
       {"version_2_raw.hoist", "version_2_encoded.hoist", "version_1_directory",
        "version_2_directory/index.hoist"}) {
    HOIST_ASSERT_OK_AND_ASSIGN(const Checkpoint other,
                               Checkpoint::Open(absl::StrCat(kFolder, name)));
    EXPECT_EQ(other.catalog().metadata.back(), digest) << name;
  }
}

}  // namespace
}  // namespace hoist
