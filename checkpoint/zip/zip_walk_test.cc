#include "hoist/checkpoint/zip/zip_walk.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/zip/zip_builder.h"
#include "hoist/core/base/endian.h"
#include "hoist/core/testing/raw_deflate.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_file.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;

struct Walked {
  std::vector<std::string> names;
  std::string cut_name;
  bool has_directory = false;
  uint64_t end = 0;
};

std::optional<uint64_t> NotKnown(absl::string_view) { return std::nullopt; }

Walked Walk(absl::string_view content, ZipWalk::SizeOf size_of = NotKnown) {
  const auto file = OpenFile(WriteTempFile("walk.zip", content));
  HOIST_EXPECT_OK(file.status());
  ZipWalk walk(**file);
  Walked walked;
  while (true) {
    const auto member = walk.Next(size_of);
    HOIST_EXPECT_OK(member.status());
    if (!member.ok() || !*member) {
      break;
    }
    walked.names.push_back((*member)->name);
    HOIST_EXPECT_OK(ReadZipMember(**file, **member, 1 << 20).status());
  }
  walked.cut_name = walk.cut_name();
  walked.has_directory = walk.has_directory();
  walked.end = walk.end_offset_bytes();
  return walked;
}

TEST(ZipWalkTest, FindsTheMembersWithoutTheDirectory) {
  ZipBuilder zip;
  zip.Add("m/a", "one");
  zip.Add("m/empty", "");
  const std::string text(1000, 't');
  zip.Add("m/deflated", text, {.method = 8, .stored = RawDeflate(text)});
  const std::string last = "PK\7\10 is not the end of this";
  zip.Add("m/last", last);
  const uint64_t end = zip.last_offset() + last.size() + 16;
  const Walked walked = Walk(zip.Finish());
  EXPECT_THAT(walked.names,
              ElementsAre("m/a", "m/empty", "m/deflated", "m/last"));
  EXPECT_EQ(walked.end, end);
  EXPECT_TRUE(walked.has_directory);
  EXPECT_EQ(walked.cut_name, "");
}

TEST(ZipWalkTest, EveryTruncationKeepsWhatIsWhole) {
  ZipBuilder zip;
  zip.Add("m/a", "one");
  const uint64_t first_end = zip.last_offset() + 3 + 16;
  zip.Add("m/b", "another");
  const uint64_t second = zip.last_offset();
  const std::string whole = zip.Finish();
  for (size_t size = 0; size <= second + 7 + 16; ++size) {
    const Walked walked = Walk(whole.substr(0, size));
    const size_t expected =
        (size >= first_end ? 1u : 0u) + (size >= second + 7 + 16 ? 1u : 0u);
    EXPECT_EQ(walked.names.size(), expected) << size;
    EXPECT_FALSE(walked.has_directory);
    if (size >= second && expected == 1) {
      EXPECT_EQ(walked.cut_name, "m/b") << size;
      EXPECT_EQ(walked.end, first_end);
    }
  }
}

TEST(ZipWalkTest, SizesThatAreKnownAreNotSearchedFor) {
  ZipBuilder zip;
  // What looks like the end after two bytes is content.
  const std::string fake(
      "ab"
      "PK\7\10"
      "crc_"
      "\2\0\0\0"
      "\2\0\0\0",
      18);
  zip.Add("m/a", fake);
  zip.Add("m/b", "x");
  const std::string whole = zip.Finish();
  EXPECT_THAT(Walk(whole,
                   [&](absl::string_view name) {
                     return std::optional<uint64_t>(name == "m/a" ? 18 : 1);
                   })
                  .names,
              ElementsAre("m/a", "m/b"));
  // One that is wrong is not believed, also where it would overflow.
  for (const uint64_t wrong : {uint64_t{17}, ~uint64_t{0}}) {
    EXPECT_EQ(
        Walk(whole,
             [&](absl::string_view) { return std::optional<uint64_t>(wrong); })
            .cut_name,
        "m/a");
  }
}

std::string U16(uint16_t value) {
  std::string bytes(2, '\0');
  StoreLittleEndian(value, bytes.data());
  return bytes;
}

std::string U32(uint32_t value) {
  std::string bytes(4, '\0');
  StoreLittleEndian(value, bytes.data());
  return bytes;
}

std::string U64(uint64_t value) {
  std::string bytes(8, '\0');
  StoreLittleEndian(value, bytes.data());
  return bytes;
}

std::string Header(uint16_t flags, uint32_t stored, const std::string& extra) {
  return U32(0x04034b50) + U16(0) + U16(flags) + U16(0) + U32(0) + U32(0) +
         U32(stored) + U32(stored) + U16(1) +
         U16(static_cast<uint16_t>(extra.size())) + "n" + extra;
}

TEST(ZipWalkTest, SizesInTheHeaderAndInZip64) {
  const std::string block = U16(1) + U16(16) + U64(3) + U64(3);
  for (const std::string& content :
       {Header(0, 3, "") + "abc", Header(0, 0xffffffff, block) + "abc",
        Header(8, 0, block) + "abc" + U32(0x08074b50) + U32(0) + U64(3) +
            U64(3)}) {
    EXPECT_THAT(Walk(content).names, ElementsAre("n"));
    EXPECT_EQ(Walk(content).end, content.size());
    const std::string cut = content.substr(0, content.size() - 1);
    EXPECT_THAT(Walk(cut).names, ElementsAre());
    EXPECT_EQ(Walk(cut).cut_name, "n");
  }
  // More than there can be.
  EXPECT_EQ(
      Walk(Header(0, 0xffffffff,
                  U16(1) + U16(16) + U64(~uint64_t{0}) + U64(~uint64_t{0})))
          .cut_name,
      "n");
}

}  // namespace
}  // namespace hoist
