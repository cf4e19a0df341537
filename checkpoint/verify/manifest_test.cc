#include "hoist/checkpoint/verify/manifest.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/load/faulty_file.h"
#include "hoist/core/hash/sha256.h"
#include "hoist/core/io/memory_file.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_file.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsNull;

std::string Digest(char digit) { return std::string(64, digit); }

TEST(ManifestTest, ReadsWhatSha256sumWrites) {
  HOIST_ASSERT_OK_AND_ASSIGN(
      const auto entries,
      ParseManifest(absl::StrCat("# a comment\n\n", Digest('a'), "  a b.pt\n",
                                 Digest('B'), " *dir/b.pt\r\n",
                                 "SHA256 (c) = ", Digest('c'), "\n\\",
                                 Digest('d'), "  e\\nf\\\\g")));
  EXPECT_THAT(entries, ElementsAre(ManifestEntry{"a b.pt", Digest('a')},
                                   ManifestEntry{"dir/b.pt", Digest('b')},
                                   ManifestEntry{"c", Digest('c')},
                                   ManifestEntry{"e\nf\\g", Digest('d')}));
  EXPECT_EQ(*ParseManifest(ManifestText(entries)), entries);
}

TEST(ManifestTest, WhatIsNoneSaysWhere) {
  for (const std::string& bad :
       {std::string("hello"), Digest('a'), Digest('a') + "  ",
        Digest('g') + "  a", Digest('a') + " a", "\\" + Digest('a') + "  a\\t",
        std::string(63, 'a') + "  a", "SHA256 (c) " + Digest('c')}) {
    EXPECT_THAT(
        ParseManifest(absl::StrCat(Digest('a'), "  a\n", bad, "\n")),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("Line 2 ")))
        << bad;
  }
}

TEST(ManifestTest, FindsAFileByItsNamesOrByTheLastPartAlone) {
  const std::vector<ManifestEntry> entries = {{"./a/x.pt", Digest('1')},
                                              {"b/x.pt", Digest('2')},
                                              {"y.pt", Digest('3')}};
  const auto find = [&entries](std::vector<std::string> names) {
    return FindInManifest(entries, names);
  };
  EXPECT_EQ(find({"a/x.pt"}), &entries[0]);
  EXPECT_EQ(find({"c/x.pt", "b/x.pt"}), &entries[1]);
  EXPECT_THAT(find({"x.pt"}), IsNull());  // which of the two?
  EXPECT_EQ(find({"/other/place/y.pt"}), &entries[2]);
  EXPECT_THAT(find({"z.pt"}), IsNull());
}

TEST(ManifestTest, DigestsFilesOfAllSizes) {
  for (const size_t size : {0, 1, 1 << 20, 2 << 20, (9 << 20) + 5}) {
    std::string content(size, '\0');
    for (size_t i = 0; i < size; ++i) {
      content[i] = static_cast<char>(i * 31 >> 7);
    }
    Sha256 expected;
    expected.Update({reinterpret_cast<const uint8_t*>(content.data()), size});
    const std::string hex = expected.FinishHex();
    uint64_t done = 0;
    EXPECT_EQ(*FileSha256(std::make_shared<MemoryFile>(content), nullptr,
                          [&done](uint64_t bytes) { done += bytes; }),
              hex);
    EXPECT_EQ(done, size);
    HOIST_ASSERT_OK_AND_ASSIGN(auto file,
                               OpenFile(WriteTempFile("digested", content)));
    EXPECT_EQ(*FileSha256(std::move(file), nullptr, {}), hex);
  }
}

TEST(ManifestTest, DigestOfWhatCannotBeReadIsAnError) {
  const auto file = std::make_shared<FaultyFile>(
      std::make_shared<MemoryFile>(std::string(5 << 20, 'x')));
  file->FailRead(2);
  EXPECT_THAT(FileSha256(file, nullptr, {}),
              StatusIs(absl::StatusCode::kDataLoss));
  file->Change();
  EXPECT_THAT(FileSha256(file, nullptr, {}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("has changed")));
  CancelToken cancel;
  cancel.Cancel();
  EXPECT_THAT(FileSha256(file, &cancel, {}),
              StatusIs(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace hoist
