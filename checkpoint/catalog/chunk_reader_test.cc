#include "hoist/checkpoint/catalog/chunk_reader.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/io/memory_file.h"
#include "hoist/core/tensor/ops/crc32c.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using Bytes = std::vector<uint8_t>;

// 10,000 bytes in chunks of 4096, of which the second compresses.
class ChunkReaderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (size_t i = 0; i < 10'000; ++i) {
      storage_bytes_.push_back(
          i / 4096 == 1 ? 7 : static_cast<uint8_t>(i * i * i >> 5));
    }
    storage_.size_bytes = storage_bytes_.size();
    storage_.offset_bytes = file_bytes_.size();
    ChunkEncoder encoder;
    for (size_t at = 0; at < storage_bytes_.size(); at += 4096) {
      const absl::Span<const uint8_t> bytes =
          absl::MakeConstSpan(storage_bytes_).subspan(at, 4096);
      HOIST_ASSERT_OK_AND_ASSIGN(const ChunkEncoder::Encoded encoded,
                                 encoder.Encode(bytes, 0));
      storage_.chunks.push_back(
          {.offset_bytes = file_bytes_.size(),
           .stored_bytes = static_cast<uint32_t>(encoded.stored.size()),
           .size_bytes = static_cast<uint32_t>(bytes.size()),
           .stored_crc32c = Crc32c(encoded.stored),
           .crc32c = Crc32c(bytes),
           .encoding = encoded.encoding});
      file_bytes_.insert(file_bytes_.end(), encoded.stored.begin(),
                         encoded.stored.end());
    }
    ASSERT_EQ(storage_.chunks[0].encoding, ChunkEncoding::kRaw);
    ASSERT_EQ(storage_.chunks[1].encoding, ChunkEncoding::kZstd);
  }

  absl::StatusOr<Bytes> Read(ChunkReader& reader, size_t offset,
                             size_t size) const {
    Bytes out(size);
    const absl::Status status =
        reader.Read(MemoryFile("memory", file_bytes_), storage_, offset,
                    absl::MakeSpan(out));
    return status.ok() ? absl::StatusOr<Bytes>(out) : status;
  }

  Bytes storage_bytes_;
  Bytes file_bytes_ = {1, 2, 3};
  StorageEntry storage_;
};

TEST_F(ChunkReaderTest, AnyRange) {
  for (const bool verify : {false, true}) {
    ChunkReader reader(verify);
    for (const size_t offset : {0, 1, 4095, 4096, 4097, 8191, 9999, 10'000}) {
      for (const size_t size : {0, 1, 4096, 4097, 8192, 10'000}) {
        if (offset + size <= storage_bytes_.size()) {
          HOIST_ASSERT_OK_AND_ASSIGN(const Bytes bytes,
                                     Read(reader, offset, size));
          EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(),
                                 storage_bytes_.begin() + offset))
              << offset << " " << size;
        }
      }
    }
  }
}

TEST_F(ChunkReaderTest, EveryDamagedByteIsFound) {
  const auto flip = [this](size_t at) { file_bytes_[at] ^= 0x10; };
  for (size_t at = 3; at < file_bytes_.size(); at += 41) {
    flip(at);
    for (const size_t size : {size_t{10'000}, size_t{9999}}) {
      ChunkReader reader(/*verify=*/true);
      EXPECT_THAT(Read(reader, 0, size),
                  StatusIs(absl::StatusCode::kDataLoss,
                           AllOf(HasSubstr("Chunk of"), HasSubstr("damaged"))))
          << at;
    }
    flip(at);
  }
}

TEST_F(ChunkReaderTest, AWrongDecoderIsFound) {
  ++storage_.chunks[1].crc32c;
  ChunkReader reader(/*verify=*/true);
  EXPECT_THAT(Read(reader, 4096, 4096),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("damaged")));
  EXPECT_THAT(Read(reader, 4096, 1),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("damaged")));
  // What was damaged is not kept.
  EXPECT_THAT(Read(reader, 4096, 1), StatusIs(absl::StatusCode::kDataLoss));
  HOIST_EXPECT_OK(Read(reader, 0, 4096));
}

TEST_F(ChunkReaderTest, ACutFileIsDataLoss) {
  file_bytes_.pop_back();
  ChunkReader reader(/*verify=*/false);
  HOIST_EXPECT_OK(Read(reader, 0, 8192));
  EXPECT_THAT(Read(reader, 9990, 1), StatusIs(absl::StatusCode::kDataLoss));
}

}  // namespace
}  // namespace hoist
