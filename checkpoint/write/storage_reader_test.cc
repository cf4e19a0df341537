#include "hoist/checkpoint/write/storage_reader.h"

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/load/test_checkpoint.h"
#include "hoist/core/hash/crc32.h"
#include "hoist/core/io/memory_file.h"
#include "hoist/core/testing/raw_deflate.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

std::string ReadAll(StorageReader& reader, int storage, size_t size_bytes,
                    size_t step_bytes) {
  std::string bytes(size_bytes, '\0');
  for (size_t at = 0; at < size_bytes; at += step_bytes) {
    const size_t size = std::min(step_bytes, size_bytes - at);
    HOIST_EXPECT_OK(reader.Read(
        storage, at, {reinterpret_cast<uint8_t*>(bytes.data()) + at, size}));
  }
  return bytes;
}

// `content`, whose checksum is that of `before`, which was compressed.
TestCheckpoint Deflated(const std::string& before) {
  const std::string stream = RawDeflate(before);
  TestCheckpoint checkpoint({stream});
  checkpoint.catalog.storages[0].deflated_bytes = stream.size();
  checkpoint.catalog.storages[0].size_bytes = before.size();
  checkpoint.catalog.storages[0].crc32 =
      Crc32({reinterpret_cast<const uint8_t*>(before.data()), before.size()});
  return checkpoint;
}

TEST(StorageReaderTest, ReadsAnyPartAndProvesTheWhole) {
  const std::string content = TestBytes(1000, 1);
  const TestCheckpoint checkpoint({TestBytes(100, 2), content});
  StorageReader reader(checkpoint.catalog, checkpoint.files);
  EXPECT_EQ(ReadAll(reader, 1, 1000, 96), content);
  HOIST_EXPECT_OK(reader.CompareChecksums());
}

TEST(StorageReaderTest, NamesWhatIsDamaged) {
  TestCheckpoint checkpoint({TestBytes(100, 2), TestBytes(1000, 1)});
  ++*checkpoint.catalog.storages[1].crc32;
  StorageReader reader(checkpoint.catalog, checkpoint.files);
  ReadAll(reader, 0, 100, 100);
  ReadAll(reader, 1, 1000, 300);
  EXPECT_THAT(reader.CompareChecksums(),
              StatusIs(absl::StatusCode::kDataLoss,
                       testing::HasSubstr("data/1 (tensor t1) is damaged")));
}

TEST(StorageReaderTest, OfAPartThereIsNoChecksum) {
  TestCheckpoint checkpoint({TestBytes(100, 2)});
  ++*checkpoint.catalog.storages[0].crc32;
  StorageReader reader(checkpoint.catalog, checkpoint.files);
  ReadAll(reader, 0, 96, 96);
  HOIST_EXPECT_OK(reader.CompareChecksums());
}

TEST(StorageReaderTest, RefusesWhatTheStorageDoesNotHave) {
  const TestCheckpoint checkpoint({TestBytes(100, 2)});
  StorageReader reader(checkpoint.catalog, checkpoint.files);
  std::vector<uint8_t> bytes(5);
  EXPECT_THAT(reader.Read(0, 96, absl::MakeSpan(bytes)),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(StorageReaderTest, ReversesTheOtherByteOrder) {
  TestCheckpoint checkpoint({std::string("\1\2\3\4\5\6\7\10", 8)});
  checkpoint.catalog.storages[0].swap_bytes = 4;
  StorageReader reader(checkpoint.catalog, checkpoint.files);
  EXPECT_EQ(ReadAll(reader, 0, 8, 4), std::string("\4\3\2\1\10\7\6\5", 8));
  // The checksum is of the bytes as the file has them.
  HOIST_EXPECT_OK(reader.CompareChecksums());
}

TEST(StorageReaderTest, DecompressesOnAndFromTheStartAgain) {
  const std::string content = TestBytes(3 << 20, 3);
  const TestCheckpoint checkpoint = Deflated(content);
  StorageReader reader(checkpoint.catalog, checkpoint.files);
  EXPECT_EQ(ReadAll(reader, 0, content.size(), 1 << 20), content);
  HOIST_EXPECT_OK(reader.CompareChecksums());
  std::string part(10, '\0');
  for (const size_t at : {size_t{2} << 20, size_t{5}}) {
    HOIST_ASSERT_OK(reader.Read(
        0, at, {reinterpret_cast<uint8_t*>(part.data()), part.size()}));
    EXPECT_EQ(part, content.substr(at, 10));
  }
}

TEST(StorageReaderTest, MoreInAStreamThanItsSizeIsDamage) {
  TestCheckpoint checkpoint = Deflated(TestBytes(100, 3));
  checkpoint.catalog.storages[0].size_bytes = 96;
  StorageReader reader(checkpoint.catalog, checkpoint.files);
  std::vector<uint8_t> bytes(96);
  EXPECT_THAT(reader.Read(0, 0, absl::MakeSpan(bytes)),
              StatusIs(absl::StatusCode::kDataLoss));
}

}  // namespace
}  // namespace hoist
