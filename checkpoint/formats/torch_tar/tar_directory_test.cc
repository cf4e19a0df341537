#include "hoist/checkpoint/formats/torch_tar/tar_directory.h"

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/formats/torch_tar/tar_builder.h"
#include "hoist/checkpoint/load/test_checkpoint.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::HasSubstr;
using namespace tar_builder;  // NOLINT: a vocabulary for tests

constexpr auto kDataLoss = absl::StatusCode::kDataLoss;
constexpr auto kInvalidArgument = absl::StatusCode::kInvalidArgument;
constexpr auto kUnimplemented = absl::StatusCode::kUnimplemented;

using Members = absl::flat_hash_map<std::string, TarMember>;

absl::StatusOr<Members> Read(const std::string& bytes) {
  return ReadTarDirectory(MemoryFile(bytes), {"a", "b"});
}

TEST(TarDirectoryTest, FindsTheMembersThatAreAskedFor) {
  const std::string bytes = Member("other", std::string(600, 'o')) +
                            Member("b", "content of b") + Member("a", "") +
                            End();
  HOIST_ASSERT_OK_AND_ASSIGN(const Members members, Read(bytes));
  ASSERT_EQ(members.size(), 2u);
  const TarMember& b = members.at("b");
  EXPECT_EQ(bytes.substr(b.offset_bytes, b.size_bytes), "content of b");
  EXPECT_EQ(members.at("a").size_bytes, 0u);
}

TEST(TarDirectoryTest, NamesAreWhole) {
  HOIST_ASSERT_OK_AND_ASSIGN(
      const Members members,
      Read(Member("x/a", "1") + Member("a/", "2") + Member("aa", "3") +
           HeaderBlock({.name = "b", .prefix = "folder"}) + End()));
  EXPECT_TRUE(members.empty());
}

TEST(TarDirectoryTest, GnuHasOtherThingsInPlaceOfThePrefix) {
  HOIST_ASSERT_OK_AND_ASSIGN(
      const Members members,
      Read(HeaderBlock({.name = "b", .prefix = "123", .magic = "ustar "}) +
           End()));
  EXPECT_EQ(members.size(), 1u);
}

TEST(TarDirectoryTest, TheMarkAtTheEndMayBeMissing) {
  EXPECT_EQ(Read(Member("a", "1"))->size(), 1u);
  // What fills the last block, too.
  const std::string bytes = HeaderBlock({.name = "a", .size_bytes = 3}) + "abc";
  EXPECT_EQ(Read(bytes)->size(), 1u);
}

TEST(TarDirectoryTest, NothingIsReadBehindTheEnd) {
  EXPECT_EQ(Read(Member("a", "1") + End() + Member("b", "1"))->size(), 1u);
}

TEST(TarDirectoryTest, CutOff) {
  const std::string bytes = Member("other", "1") +
                            HeaderBlock({.name = "a", .size_bytes = 3}) + "abc";
  for (size_t size = 1; size < bytes.size(); ++size) {
    const auto members = Read(bytes.substr(0, size));
    // A whole member was lost.
    if (members.ok()) {
      EXPECT_TRUE(members->empty()) << size;
      EXPECT_TRUE(size == 1024 || (size > 512 && size < 1024)) << size;
      continue;
    }
    EXPECT_THAT(members.status(), StatusIs(kDataLoss, HasSubstr("is cut off")))
        << size;
    EXPECT_THAT(HintOf(members.status()), HasSubstr("incomplete"));
  }
}

TEST(TarDirectoryTest, ChecksumsAreCompared) {
  std::string bytes = Member("a", "1") + Member("b", "2") + End();
  bytes[1024] = 'c';
  EXPECT_THAT(Read(bytes).status(),
              StatusIs(kDataLoss, HasSubstr("offset 1024")));
  bytes[0] = 'b';
  EXPECT_THAT(Read(bytes).status(),
              StatusIs(kInvalidArgument, HasSubstr("no tar archive")));
}

TEST(TarDirectoryTest, ChecksumsOfSignedBytes) {
  std::string block = HeaderBlock({.name = "a"});
  block[200] = '\xff';  // in the name of the link
  EXPECT_EQ(Read(WithChecksum(block))->size(), 1u);
  // Each such byte is 256 less.
  std::string signed_block = WithChecksum(block);
  const int sum = std::stoi(signed_block.substr(148, 6), nullptr, 8) - 256;
  signed_block.replace(148, 6, absl::StrFormat("%06o", sum));
  EXPECT_EQ(Read(signed_block)->size(), 1u);
  signed_block.replace(148, 6, absl::StrFormat("%06o", sum + 1));
  EXPECT_FALSE(Read(signed_block).ok());
}

TEST(TarDirectoryTest, SizesOfBase256) {
  const std::string content(5, 'x');
  EXPECT_EQ(Read(HeaderBlock({.name = "a",
                              .size_field = std::string(
                                  "\x80\0\0\0\0\0\0\0\0\0\0\5", 12)}) +
                 Blocks(content) + End())
                ->at("a")
                .size_bytes,
            5u);
}

TEST(TarDirectoryTest, SizesThatAreNone) {
  for (const std::string& size :
       {std::string("0000000000x"), std::string("00000000008"),
        std::string("-0000000001"), std::string(12, '\xff'),
        std::string("\x80\0\0\0\x80\0\0\0\0\0\0\0", 12),
        "\x80" + std::string(11, '\xff')}) {
    EXPECT_THAT(Read(HeaderBlock({.name = "a", .size_field = size})).status(),
                StatusIs(kDataLoss, HasSubstr("no valid size")));
  }
}

TEST(TarDirectoryTest, SizesBeyondTheFile) {
  for (const std::string& size :
       {std::string("77777777777"), std::string("777777777777"),
        std::string("\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", 12)}) {
    for (const std::string name : {"a", "other"}) {
      EXPECT_THAT(Read(HeaderBlock({.name = name, .size_field = size}) + End())
                      .status(),
                  StatusIs(kDataLoss, HasSubstr("is cut off")));
    }
  }
}

TEST(TarDirectoryTest, OnlyRegularMembers) {
  for (const char type : {'1', '2', '3', '4', '5', '6', 'V', 'Z'}) {
    EXPECT_THAT(Read(Member("a", "", type) + End()).status(),
                StatusIs(kDataLoss, HasSubstr("no regular file")))
        << type;
    EXPECT_EQ(Read(Member("x", "", type) + Member("a", "1"))->size(), 1u);
  }
  for (const char type : {'0', '\0', '7'}) {
    EXPECT_EQ(Read(Member("a", "1", type))->size(), 1u) << type;
  }
  EXPECT_THAT(Read(Member("a", "1", 'S')).status(), StatusIs(kUnimplemented));
}

TEST(TarDirectoryTest, LinksHaveNoBytesWhateverTheySay) {
  EXPECT_EQ(
      Read(HeaderBlock({.name = "x", .size_bytes = 1'000'000, .type = '1'}) +
           Member("a", "1"))
          ->size(),
      1u);
}

TEST(TarDirectoryTest, AMemberTwice) {
  EXPECT_THAT(Read(Member("a", "1") + Member("a", "2")).status(),
              StatusIs(kDataLoss, HasSubstr("two members a")));
}

TEST(TarDirectoryTest, PaxHeaders) {
  // A global one, one for "x", one for "a".
  const std::string bytes = Member("g", "13 comment=n\n", 'g') +
                            Member("h", "20 path=long name a\n", 'x') +
                            Member("a", "1") +
                            Member("h",
                                   "8 size=5\n"
                                   "9 path=a\n",
                                   'x');
  // The first record's length is wrong: it has nine bytes.
  EXPECT_THAT(Read(bytes).status(),
              StatusIs(kDataLoss, HasSubstr("wrong length")));
  const std::string right =
      Member("g", "13 comment=n\n", 'g') +
      Member("h", "20 path=long name a\n", 'x') + Member("a", "1") +
      Member("h",
             "9 size=5\n"
             "9 path=a\n"
             "13 mtime=1.5\n",
             'x') +
      HeaderBlock({.name = "x", .size_bytes = 1}) + Blocks("12345") + End();
  HOIST_ASSERT_OK_AND_ASSIGN(const Members members, Read(right));
  ASSERT_EQ(members.size(), 1u);
  EXPECT_EQ(members.at("a").size_bytes, 5u);
  EXPECT_EQ(right.substr(members.at("a").offset_bytes, 5), "12345");
}

TEST(TarDirectoryTest, PaxRecordsThatAreNone) {
  for (const std::string record :
       {"x", "9size=5\n", "99 size=5\n", "1 size=5\n", "0 size=5\n", "3 \n",
        "9 size=55", "18446744073709551615 a=b\n", "10 size=-5\n",
        "10 size=5x\n", "27 size=9223372036854775808\n"}) {
    EXPECT_THAT(Read(Member("h", record, 'x') + Member("a", "1")).status(),
                StatusIs(kDataLoss))
        << record;
  }
  EXPECT_THAT(
      Read(Member("h", "27 size=9223372036854775807\n", 'x') + Member("a", "1"))
          .status(),
      StatusIs(kDataLoss));
  EXPECT_THAT(Read(Member("h", "22 GNU.sparse.major=1\n", 'x')).status(),
              StatusIs(kUnimplemented));
  EXPECT_THAT(Read(Member("h", "9 path=a\n", 'g')).status(),
              StatusIs(kUnimplemented));
}

TEST(TarDirectoryTest, LongNamesOfGnu) {
  const std::string bytes =
      Member("././@LongLink", std::string("folder/a\0", 9), 'L') +
      Member("a", "1") + Member("././@LongLink", "target", 'K') +
      Member("b", "2") + End();
  HOIST_ASSERT_OK_AND_ASSIGN(const Members members, Read(bytes));
  EXPECT_EQ(members.size(), 1u);
  EXPECT_TRUE(members.contains("b"));
}

TEST(TarDirectoryTest, ExtensionsOfAnySizeAreRefused) {
  EXPECT_THAT(Read(Member("h", std::string((1 << 20) + 1, 'x'), 'x')).status(),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST(TarDirectoryTest, TooManyMembers) {
  std::string bytes;
  for (int i = 0; i < 10'001; ++i) {
    bytes += HeaderBlock({.name = "x"});
  }
  EXPECT_THAT(Read(bytes).status(),
              StatusIs(kInvalidArgument, HasSubstr("10000 members")));
  HOIST_EXPECT_OK(Read(bytes.substr(512)).status());
}

}  // namespace
}  // namespace hoist
