#include "hoist/checkpoint/zip/zip_directory.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/zip/zip_builder.h"
#include "hoist/core/testing/raw_deflate.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_file.h"

namespace hoist {
namespace {

using ::testing::HasSubstr;

std::unique_ptr<RandomAccessFile> FileOf(absl::string_view content) {
  auto file = OpenFile(WriteTempFile("archive.zip", content));
  HOIST_EXPECT_OK(file.status());
  return *std::move(file);
}

std::string ContentOf(const RandomAccessFile& file,
                      const ZipDirectory& directory, absl::string_view name) {
  const ZipMember* const member = directory.Find(name);
  if (member == nullptr) {
    return "(no member)";
  }
  const auto bytes = ReadZipMember(file, *member, 1 << 20);
  return bytes.ok() ? std::string(bytes->begin(), bytes->end())
                    : std::string(bytes.status().message());
}

absl::Status ReadStatus(absl::string_view content) {
  return ZipDirectory::Read(*FileOf(content)).status();
}

class ZipDirectoryLayoutTest
    : public ::testing::TestWithParam<ZipBuilder::Options> {};

TEST_P(ZipDirectoryLayoutTest, GivesMembersInTheirOrder) {
  ZipBuilder zip(GetParam());
  zip.Add("m/data.pkl", "pickle");
  zip.Add("m/data/0", "");
  const uint64_t empty_offset = zip.last_offset();
  zip.Add("m/data/1", "storage");
  const auto file = FileOf(zip.Finish());
  HOIST_ASSERT_OK_AND_ASSIGN(const ZipDirectory directory,
                             ZipDirectory::Read(*file));
  ASSERT_EQ(directory.members().size(), 3u);
  EXPECT_EQ(directory.members()[1].name, "m/data/0");
  EXPECT_EQ(ContentOf(*file, directory, "m/data.pkl"), "pickle");
  EXPECT_EQ(ContentOf(*file, directory, "m/data/0"), "");
  EXPECT_EQ(ContentOf(*file, directory, "m/data/1"), "storage");
  EXPECT_EQ(*ZipDataOffset(*file, directory.members()[1]), empty_offset);
  EXPECT_EQ(directory.Find("M/DATA.PKL"), nullptr);
}

INSTANTIATE_TEST_SUITE_P(
    All, ZipDirectoryLayoutTest,
    ::testing::Values(ZipBuilder::Options{},
                      ZipBuilder::Options{.zip64 = false},
                      ZipBuilder::Options{.zip64_in_entries = true},
                      ZipBuilder::Options{.comment = "a comment"},
                      ZipBuilder::Options{.comment = std::string(65535, 'c')}));

TEST(ZipDirectoryTest, AnArchiveMayBeEmpty) {
  const auto file = FileOf(ZipBuilder().Finish());
  HOIST_ASSERT_OK_AND_ASSIGN(const ZipDirectory directory,
                             ZipDirectory::Read(*file));
  EXPECT_TRUE(directory.members().empty());
}

TEST(ZipDirectoryTest, EveryTruncationIsAnError) {
  ZipBuilder zip;
  zip.Add("m/data.pkl", "pickle");
  zip.Add("m/data/0", "storage");
  const std::string whole = zip.Finish();
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THAT(ReadStatus(absl::string_view(whole).substr(0, size)),
                StatusIs(absl::StatusCode::kDataLoss))
        << size;
  }
}

TEST(ZipDirectoryTest, SaysThatATruncatedFileIsIncomplete) {
  ZipBuilder zip;
  zip.Add("m/data.pkl", std::string(100'000, 'x'));
  EXPECT_THAT(ReadStatus(zip.Finish().substr(0, 90'000)),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("incomplete")));
}

// Any change of one byte either leaves what is read as it was, or is an error;
// never a crash, and never a member outside of the file.
TEST(ZipDirectoryTest, EveryFlippedByteIsHandled) {
  ZipBuilder zip({.zip64_in_entries = true});
  zip.Add("m/a", "first");
  zip.Add("m/b", "second");
  const std::string whole = zip.Finish();
  const std::string path = WriteTempFile("flipped.zip", whole);
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] ^= 0xff;
    std::ofstream(path, std::ios::binary) << damaged;
    HOIST_ASSERT_OK_AND_ASSIGN(const auto file, OpenFile(path));
    const auto directory = ZipDirectory::Read(*file);
    if (!directory.ok()) {
      continue;
    }
    for (const ZipMember& member : directory->members()) {
      const auto content = ReadZipMember(*file, member, 1 << 20);
      if (content.ok()) {
        const std::string text(content->begin(), content->end());
        EXPECT_TRUE(text == "first" || text == "second") << i << ": " << text;
      }
    }
  }
}

TEST(ZipDirectoryTest, TheChecksumIsCompared) {
  ZipBuilder zip;
  zip.Add("wrong", "content", {.crc32 = 0x12345678});
  zip.Add("not_recorded", "content", {.crc32 = 0});
  const auto file = FileOf(zip.Finish());
  HOIST_ASSERT_OK_AND_ASSIGN(const ZipDirectory directory,
                             ZipDirectory::Read(*file));
  EXPECT_THAT(ContentOf(*file, directory, "wrong"), HasSubstr("12345678"));
  EXPECT_EQ(ContentOf(*file, directory, "not_recorded"), "content");
}

TEST(ZipDirectoryTest, TwoMembersOfOneNameAreAnError) {
  ZipBuilder zip;
  zip.Add("m/a", "one");
  zip.Add("m/a", "two");
  EXPECT_THAT(ReadStatus(zip.Finish()), StatusIs(absl::StatusCode::kDataLoss,
                                                 HasSubstr("more than once")));
}

TEST(ZipDirectoryTest, TheHeaderMustNameTheSameMember) {
  ZipBuilder zip;
  zip.Add("m/a", "one", {.local_name = "m/b"});
  const auto file = FileOf(zip.Finish());
  HOIST_ASSERT_OK_AND_ASSIGN(const ZipDirectory directory,
                             ZipDirectory::Read(*file));
  EXPECT_THAT(ZipDataOffset(*file, directory.members()[0]),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("another name")));
}

TEST(ZipDirectoryTest, EncryptedMembersAreNotRead) {
  ZipBuilder zip;
  zip.Add("m/a", "one", {.flags = 1});
  EXPECT_THAT(
      ReadStatus(zip.Finish()),
      StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("encrypted")));
}

TEST(ZipDirectoryTest, DeflatedMembersAreRead) {
  const std::string content(100'000, 'x');
  ZipBuilder zip;
  zip.Add("m/a", content, {.method = 8, .stored = RawDeflate(content)});
  zip.Add("m/damaged", content,
          {.crc32 = 1, .method = 8, .stored = RawDeflate(content)});
  zip.Add("m/short", content,
          {.method = 8, .stored = RawDeflate(content.substr(1))});
  zip.Add("m/bomb", content, {.method = 8, .stored = "few bytes"});
  zip.Add("m/other", content, {.method = 12});
  const auto file = FileOf(zip.Finish());
  HOIST_ASSERT_OK_AND_ASSIGN(const ZipDirectory directory,
                             ZipDirectory::Read(*file));
  EXPECT_TRUE(ContentOf(*file, directory, "m/a") == content);
  EXPECT_THAT(ContentOf(*file, directory, "m/damaged"), HasSubstr("checksum"));
  EXPECT_THAT(ContentOf(*file, directory, "m/short"), HasSubstr("early"));
  EXPECT_THAT(ContentOf(*file, directory, "m/bomb"),
              HasSubstr("100000 bytes in 9"));
  EXPECT_THAT(ReadZipMember(*file, *directory.Find("m/other"), 1 << 20),
              StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("12")));
}

TEST(ZipDirectoryTest, MembersMustLieInsideTheFile) {
  for (const ZipBuilder::MemberOptions& options :
       std::vector<ZipBuilder::MemberOptions>{{.header_offset = 5'000},
                                              {.header_offset = 0xfffffffe}}) {
    ZipBuilder zip;
    zip.Add("m/a", "one", options);
    EXPECT_THAT(ReadStatus(zip.Finish()),
                StatusIs(absl::StatusCode::kDataLoss));
  }
  ZipBuilder zip;
  zip.Add("m/a", "one", {.stored_bytes = 4});
  EXPECT_THAT(ReadStatus(zip.Finish()), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(ZipDirectoryTest, MembersMustNotLieOverEachOther) {
  ZipBuilder same;
  same.Add("m/a", "content");
  same.Add("m/b", "content", {.header_offset = 0});
  EXPECT_THAT(ReadStatus(same.Finish()),
              StatusIs(absl::StatusCode::kDataLoss,
                       HasSubstr("m/a and m/b lie over each other")));
  // The second is inside of the first.
  ZipBuilder inner;
  inner.Add("n", "x");
  const std::string content = inner.Finish();
  ZipBuilder outer;
  outer.Add("m/a", content);
  outer.Add("n", "x",
            {.header_offset = static_cast<uint32_t>(outer.last_offset())});
  EXPECT_THAT(ReadStatus(outer.Finish()),
              StatusIs(absl::StatusCode::kDataLoss,
                       HasSubstr("m/a and n lie over each other")));
}

TEST(ZipDirectoryTest, ContentThatExpandsIsBounded) {
  constexpr uint64_t kMax = uint64_t{1} << 30;
  ZipMember member{.method = 8, .stored_bytes = 100};
  EXPECT_EQ(MaxExpandingBytes(member, kMax), uint64_t{4 << 20} + 3200);
  EXPECT_EQ(MaxExpandingBytes(member, 1000), 1000u);
  member.stored_bytes = kMax;
  EXPECT_EQ(MaxExpandingBytes(member, kMax), kMax);
  member = {.method = 0, .stored_bytes = 100};
  EXPECT_EQ(MaxExpandingBytes(member, kMax), kMax);
}

TEST(ZipDirectoryTest, ContentIsBounded) {
  ZipBuilder zip;
  zip.Add("m/a", "seventeen letters");
  const auto file = FileOf(zip.Finish());
  HOIST_ASSERT_OK_AND_ASSIGN(const ZipDirectory directory,
                             ZipDirectory::Read(*file));
  HOIST_EXPECT_OK(ReadZipMember(*file, directory.members()[0], 17));
  EXPECT_THAT(ReadZipMember(*file, directory.members()[0], 16),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

}  // namespace
}  // namespace hoist
