// Every file that the real libraries wrote into testdata/, loaded as any rank
// of several.

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/shard/slice_oracle.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

std::vector<std::string> GoldenFiles() {
  std::vector<std::string> files;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator("checkpoint/testdata")) {
    const std::string path = entry.path();
    if (!absl::EndsWith(path, ".json") &&
        std::filesystem::exists(
            std::filesystem::path(path).replace_extension("expected.json"))) {
      files.push_back(path);
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

// Whether a cut would be refused: packed elements.
bool IsPacked(const TensorEntry& tensor) {
  return DTypeBits(tensor.spec.dtype) % 8 != 0;
}

TEST(GoldenSlicesTest, EveryRankHasItsPart) {
  int cut = 0;
  int files = 0;
  for (const std::string& path : GoldenFiles()) {
    SCOPED_TRACE(path);
    HOIST_ASSERT_OK_AND_ASSIGN(const Checkpoint checkpoint,
                               Checkpoint::Open(path));
    Catalog catalog = checkpoint.catalog();
    // The oracle compares elements as they are in the file.
    for (TensorEntry& tensor : catalog.tensors) {
      tensor.is_conjugate = false;
      tensor.is_negative = false;
    }
    ++files;
    const bool is_packed =
        std::any_of(catalog.tensors.begin(), catalog.tensors.end(), IsPacked);
    for (const int world_size : {1, 2, 3, 8}) {
      for (const int64_t dim : {0, -1}) {
        SCOPED_TRACE(absl::StrCat(world_size, " ranks, dimension ", dim));
        if (is_packed && world_size > 1) {
          EXPECT_THAT(
              ShardLayout::Create(catalog, SplitEveryTensor(dim), world_size),
              StatusIs(absl::StatusCode::kUnimplemented));
          continue;
        }
        cut += ExpectEveryRank(catalog, checkpoint.files(),
                               SplitEveryTensor(dim), world_size);
      }
    }
  }
  EXPECT_GE(files, 51);
  EXPECT_GE(cut, 1000);
}

}  // namespace
}  // namespace hoist
