// FORMAT.md is what files are: its examples are read, its tables held against
// the code.

#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/formats/native/native_reader.h"
#include "hoist/core/io/memory_file.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;

std::string Specification() {
  std::ifstream in("checkpoint/formats/native/FORMAT.md");
  EXPECT_TRUE(in.good());
  return {std::istreambuf_iterator<char>(in), {}};
}

// The bytes of the dumps: blocks of lines with an offset and bytes.
std::vector<std::shared_ptr<const RandomAccessFile>> Dumps() {
  std::vector<std::shared_ptr<const RandomAccessFile>> files;
  const std::vector<std::string> blocks =
      absl::StrSplit(Specification(), "```");
  for (size_t i = 1; i < blocks.size(); i += 2) {
    std::string bytes;
    for (absl::string_view line : absl::StrSplit(blocks[i], '\n')) {
      if (absl::StartsWith(line, "0") &&
          absl::StrContains(line.substr(0, 10), "  ")) {
        EXPECT_EQ(line.substr(0, 8),
                  absl::StrCat(absl::Hex(bytes.size(), absl::kZeroPad8)));
        bytes += absl::HexStringToBytes(
            absl::StrReplaceAll(line.substr(10), {{" ", ""}}));
      }
    }
    if (!bytes.empty()) {
      files.push_back(std::make_shared<MemoryFile>(bytes));
    }
  }
  return files;
}

TEST(NativeFormatTest, TheSmallestFile) {
  const auto dumps = Dumps();
  ASSERT_EQ(dumps.size(), 2);
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, ReadNative(*dumps[0]));
  EXPECT_EQ(catalog.format, Format::kHoist);
  EXPECT_EQ(catalog.format_version, "1");
  EXPECT_TRUE(catalog.tensors.empty());
  EXPECT_TRUE(catalog.storages.empty());
  EXPECT_EQ(catalog.root().kind(), ValueKind::kNone);
}

TEST(NativeFormatTest, ATensorInADict) {
  const auto dumps = Dumps();
  ASSERT_EQ(dumps.size(), 2);
  HOIST_ASSERT_OK_AND_ASSIGN(const Checkpoint checkpoint,
                             Checkpoint::Open(dumps[1]));
  const Catalog& catalog = checkpoint.catalog();
  EXPECT_EQ(catalog.format_version, "2");
  HOIST_ASSERT_OK_AND_ASSIGN(const LoadResult loaded, Load(checkpoint));
  EXPECT_EQ(loaded.report.verified, Verified::kChecksum);
  const Tensor* const w = loaded.tensors.Find("w");
  ASSERT_NE(w, nullptr);
  const auto* const numbers = static_cast<const float*>(w->data());
  EXPECT_THAT(std::vector<float>(numbers, numbers + 2), ElementsAre(1, -2));
  ASSERT_EQ(catalog.root().kind(), ValueKind::kDict);
  ASSERT_TRUE(catalog.root().Find("w").has_value());
  EXPECT_EQ(catalog.root().Find("w")->AsIndex(), 0);
}

TEST(NativeFormatTest, EveryDTypeHasItsNumber) {
  const std::string specification = Specification();
  size_t number = 0;
  for (const DType dtype : AllDTypes()) {
    EXPECT_TRUE(absl::StrContains(
        absl::StrReplaceAll(specification, {{"\n", " "}}),
        absl::StrCat(" ", number, " `", DTypeName(dtype), "`")))
        << DTypeName(dtype);
    EXPECT_EQ(static_cast<size_t>(dtype), number++);
  }
  EXPECT_EQ(number, 48) << "A new dtype is to be added to FORMAT.md";
}

}  // namespace
}  // namespace hoist
