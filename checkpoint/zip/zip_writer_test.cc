#include "hoist/checkpoint/zip/zip_writer.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/zip/zip_directory.h"
#include "hoist/core/hash/crc32.h"
#include "hoist/core/io/memory_file.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

uint32_t Crc32Of(const std::string& text) {
  return Crc32({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

struct Content {
  std::string name;
  std::string bytes;
  uint64_t alignment = 64;
};

std::string Archive(const std::vector<Content>& contents) {
  ZipWriter writer;
  std::vector<uint32_t> crc32s;
  std::string file;
  for (const Content& content : contents) {
    writer.Add(content.name, content.bytes.size(), content.alignment);
    crc32s.push_back(Crc32Of(content.bytes));
    absl::StrAppend(&file,
                    writer.Header(writer.members().back(), crc32s.back()),
                    content.bytes);
  }
  EXPECT_EQ(file.size(), writer.directory_offset());
  absl::StrAppend(&file, writer.Directory(crc32s));
  EXPECT_EQ(file.size(), writer.file_bytes());
  return file;
}

TEST(ZipWriterTest, MembersAreReadBackWithTheirChecksums) {
  const std::vector<Content> contents = {
      {"archive/data.pkl", "a pickle"},
      {"archive/data/0", std::string(5000, 'x'), 4096},
      {"archive/data/1", ""},
      {"archive/data/2", "y"},
      {"archive/version", "3\n", 1}};
  const MemoryFile file(Archive(contents));
  HOIST_ASSERT_OK_AND_ASSIGN(const ZipDirectory zip, ZipDirectory::Read(file));
  ASSERT_EQ(zip.members().size(), contents.size());
  for (size_t i = 0; i < contents.size(); ++i) {
    const ZipMember& member = zip.members()[i];
    EXPECT_EQ(member.name, contents[i].name);
    EXPECT_EQ(member.crc32, Crc32Of(contents[i].bytes));
    HOIST_ASSERT_OK_AND_ASSIGN(const uint64_t offset,
                               ZipDataOffset(file, member));
    EXPECT_EQ(offset % contents[i].alignment, 0u) << member.name;
    HOIST_ASSERT_OK_AND_ASSIGN(const auto bytes,
                               ReadZipMember(file, member, 1 << 20));
    EXPECT_EQ(std::string(bytes.begin(), bytes.end()), contents[i].bytes);
  }
}

TEST(ZipWriterTest, HeadersSayWhatTheDirectorySays) {
  const std::string archive = Archive({{"a/data/0", "abc"}});
  // Signature, version, flags, method, time and date, then the checksum, sizes,
  // and lengths of the name and of the padding.
  EXPECT_EQ(archive.substr(0, 14),
            std::string("PK\3\4\0\0\0\x08\0\0\0\0\0\0", 14));
  EXPECT_EQ(archive.substr(14, 4), std::string("\xc2\x41\x24\x35"));
  EXPECT_EQ(archive.substr(18, 8), std::string("\3\0\0\0\3\0\0\0", 8));
  EXPECT_EQ(archive.substr(26, 4), std::string("\x08\0\x1a\0", 4));
  EXPECT_EQ(archive.substr(30, 12), std::string("a/data/0FB\x16\0", 12));
  EXPECT_EQ(archive.substr(42, 22), std::string(22, 'Z'));
  EXPECT_EQ(archive.substr(64, 3), "abc");
}

TEST(ZipWriterTest, AnEmptyArchiveIsOne) {
  const MemoryFile file(Archive({}));
  HOIST_ASSERT_OK_AND_ASSIGN(const ZipDirectory zip, ZipDirectory::Read(file));
  EXPECT_TRUE(zip.members().empty());
}

TEST(ZipWriterTest, MoreMembersThanSixteenBitsCount) {
  std::vector<Content> contents;
  for (int i = 0; i < 65'600; ++i) {
    contents.push_back({absl::StrCat("archive/data/", i), "", 1});
  }
  const MemoryFile file(Archive(contents));
  HOIST_ASSERT_OK_AND_ASSIGN(const ZipDirectory zip, ZipDirectory::Read(file));
  EXPECT_EQ(zip.members().size(), contents.size());
  EXPECT_NE(zip.Find("archive/data/65599"), nullptr);
}

// A file that has bytes in a few places, and zeros else, however long it is.
class SparseFile : public RandomAccessFile {
 public:
  explicit SparseFile(uint64_t size_bytes) : size_bytes_(size_bytes) {}
  void Put(uint64_t offset, std::string bytes) {
    places_.emplace_back(offset, std::move(bytes));
  }
  const std::string& path() const override { return path_; }
  uint64_t size_bytes() const override { return size_bytes_; }
  absl::Status ReadAt(uint64_t offset, absl::Span<uint8_t> out) const override {
    std::fill(out.begin(), out.end(), uint8_t{0});
    for (const auto& [place, bytes] : places_) {
      const uint64_t begin = std::max(place, offset);
      const uint64_t end =
          std::min(place + bytes.size(), offset + out.size());
      for (uint64_t i = begin; i < end; ++i) {
        out[i - offset] = static_cast<uint8_t>(bytes[i - place]);
      }
    }
    return absl::OkStatus();
  }

 private:
  const std::string path_ = "sparse";
  const uint64_t size_bytes_;
  std::vector<std::pair<uint64_t, std::string>> places_;
};

TEST(ZipWriterTest, SizesAndPlacesOfMoreThanFourGigabytes) {
  constexpr uint64_t kLimit = 0xffffffff;
  const std::vector<uint64_t> sizes = {10, kLimit - 1, 20, kLimit, 30};
  ZipWriter writer;
  for (size_t i = 0; i < sizes.size(); ++i) {
    writer.Add(absl::StrCat("archive/data/", i), sizes[i], i == 3 ? 4096 : 64);
  }
  SparseFile file(writer.file_bytes());
  const std::vector<uint32_t> crc32s = {1, 2, 3, 4, 5};
  for (size_t i = 0; i < sizes.size(); ++i) {
    const ZipWriter::Member& member = writer.members()[i];
    const std::string header = writer.Header(member, crc32s[i]);
    EXPECT_EQ(header.size(), member.header_bytes());
    file.Put(member.header_offset, header);
  }
  file.Put(writer.directory_offset(), writer.Directory(crc32s));
  HOIST_ASSERT_OK_AND_ASSIGN(const ZipDirectory zip, ZipDirectory::Read(file));
  ASSERT_EQ(zip.members().size(), sizes.size());
  for (size_t i = 0; i < sizes.size(); ++i) {
    const ZipMember& member = zip.members()[i];
    EXPECT_EQ(member.size_bytes, sizes[i]);
    EXPECT_EQ(member.stored_bytes, sizes[i]);
    EXPECT_EQ(member.crc32, crc32s[i]);
    EXPECT_EQ(member.header_offset_bytes, writer.members()[i].header_offset);
    HOIST_ASSERT_OK_AND_ASSIGN(const uint64_t offset,
                               ZipDataOffset(file, member));
    EXPECT_EQ(offset, writer.members()[i].data_offset);
  }
  EXPECT_EQ(writer.members()[3].data_offset % 4096, 0u);
}

}  // namespace
}  // namespace hoist
