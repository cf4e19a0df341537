#include "hoist/checkpoint/zip/zip_header_reader.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/zip/zip_builder.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_file.h"

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
    return file_.ReadAt(offset, out);
  }
  int reads() const { return reads_; }

 private:
  const RandomAccessFile& file_;
  mutable int reads_ = 0;
};

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
