#include "hoist/checkpoint/zip/zip_header_reader.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/zip/zip_builder.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_file.h"
#include "hoist/core/thread/thread_pool.h"

namespace hoist {
namespace {

// Counts how often it is read.
class CountingFile : public RandomAccessFile {
 public:
  explicit CountingFile(const RandomAccessFile& file) : file_(file) {}
  const std::string& path() const override { return file_.path(); }
  uint64_t size_bytes() const override { return file_.size_bytes(); }
  absl::Status ReadAt(uint64_t offset, absl::Span<uint8_t> out) const override {
    ++reads_;
    read_bytes_ += out.size();
    return file_.ReadAt(offset, out);
  }
  int reads() const { return reads_; }
  uint64_t read_bytes() const { return read_bytes_; }

 private:
  const RandomAccessFile& file_;
  mutable int reads_ = 0;
  mutable uint64_t read_bytes_ = 0;
};

std::vector<const ZipMember*> Pointers(const ZipDirectory& directory) {
  std::vector<const ZipMember*> members;
  for (const ZipMember& member : directory.members()) {
    members.push_back(&member);
  }
  return members;
}

TEST(ZipHeaderReaderTest, GivesWhatSingleReadsGive) {
  ZipBuilder zip;
  for (int i = 0; i < 300; ++i) {
    // Small ones with big ones between them.
    zip.Add(absl::StrCat("m/data/", i),
            std::string(i % 50 == 49 ? 200'000 : 10 + i, 'x'));
  }
  HOIST_ASSERT_OK_AND_ASSIGN(
      const auto file, OpenFile(WriteTempFile("headers.zip", zip.Finish())));
  HOIST_ASSERT_OK_AND_ASSIGN(const ZipDirectory directory,
                             ZipDirectory::Read(*file));
  const CountingFile counting(*file);
  ZipHeaderReader reader(counting);
  for (const ZipMember& member : directory.members()) {
    EXPECT_EQ(*reader.DataOffset(member), *ZipDataOffset(*file, member))
        << member.name;
  }
  EXPECT_LT(counting.reads(), 40);
  // Backwards too.
  for (size_t i = directory.members().size(); i-- > 0;) {
    const ZipMember& member = directory.members()[i];
    EXPECT_EQ(*reader.DataOffset(member), *ZipDataOffset(*file, member));
  }
}

TEST(ZipHeaderReaderTest, ReadsNoPayloadBetweenHeaders) {
  ZipBuilder zip;
  for (int i = 0; i < 100; ++i) {
    zip.Add(absl::StrCat("m/data/", i), std::string(16 << 10, 'x'));
  }
  HOIST_ASSERT_OK_AND_ASSIGN(
      const auto file, OpenFile(WriteTempFile("headers.zip", zip.Finish())));
  HOIST_ASSERT_OK_AND_ASSIGN(const ZipDirectory directory,
                             ZipDirectory::Read(*file));
  const CountingFile counting(*file);
  HOIST_EXPECT_OK(
      ReadZipDataOffsets(counting, Pointers(directory), nullptr).status());
  EXPECT_EQ(counting.reads(), 100);
  EXPECT_LT(counting.read_bytes(), 100 * 100);
}

TEST(ZipHeaderReaderTest, ManyThreadsGiveWhatOneGives) {
  ZipBuilder zip;
  for (int i = 0; i < 3000; ++i) {
    zip.Add(absl::StrCat("m/data/", i), "content");
  }
  HOIST_ASSERT_OK_AND_ASSIGN(
      const auto file, OpenFile(WriteTempFile("headers.zip", zip.Finish())));
  HOIST_ASSERT_OK_AND_ASSIGN(const ZipDirectory directory,
                             ZipDirectory::Read(*file));
  const std::vector<const ZipMember*> members = Pointers(directory);
  ThreadPool pool(3);
  HOIST_ASSERT_OK_AND_ASSIGN(const std::vector<uint64_t> offsets,
                             ReadZipDataOffsets(*file, members, &pool));
  ASSERT_EQ(offsets.size(), members.size());
  for (size_t i = 0; i < members.size(); ++i) {
    EXPECT_EQ(offsets[i], *ZipDataOffset(*file, *members[i]));
  }

  ZipMember damaged = *members[2999];
  damaged.header_offset_bytes += 1;
  std::vector<const ZipMember*> with_damaged = members;
  with_damaged[2999] = &damaged;
  EXPECT_THAT(ReadZipDataOffsets(*file, with_damaged, &pool).status(),
              StatusIs(absl::StatusCode::kDataLoss));
}

TEST(ZipHeaderReaderTest, HeadersOutsideOfTheFileAreErrors) {
  ZipBuilder zip;
  zip.Add("m/a", "content");
  zip.Add("m/b", "content");
  HOIST_ASSERT_OK_AND_ASSIGN(
      const auto file, OpenFile(WriteTempFile("headers.zip", zip.Finish())));
  HOIST_ASSERT_OK_AND_ASSIGN(const ZipDirectory directory,
                             ZipDirectory::Read(*file));
  ZipHeaderReader reader(*file);
  HOIST_EXPECT_OK(reader.DataOffset(directory.members()[0]).status());
  ZipMember member = directory.members()[1];
  member.header_offset_bytes = file->size_bytes() - 10;
  EXPECT_THAT(reader.DataOffset(member).status(),
              StatusIs(absl::StatusCode::kDataLoss));
  member.header_offset_bytes = UINT64_MAX;
  EXPECT_THAT(reader.DataOffset(member).status(),
              StatusIs(absl::StatusCode::kDataLoss));
  HOIST_EXPECT_OK(reader.DataOffset(directory.members()[1]).status());
}

}  // namespace
}  // namespace hoist
