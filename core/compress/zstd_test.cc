#include "hoist/core/compress/zstd.h"

#include <random>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::HasSubstr;

using Bytes = std::vector<uint8_t>;

// Half random, half repeating.
Bytes Sample(size_t size) {
  std::mt19937 random(3);
  Bytes bytes(size);
  for (size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<uint8_t>(i % 512 < 256 ? random() : i / 1000);
  }
  return bytes;
}

// "hoist" in a raw block; its size in the header, and no checksum.
const Bytes kHoistFrame = {0x28, 0xb5, 0x2f, 0xfd,  // magic number
                           0x20,  // single segment, 1 byte of content size
                           0x05,  // content size
                           0x29, 0x00, 0x00,  // last block, raw, 5 bytes
                           'h',  'o',  'i',  's',  't'};

// The same without a content size: 1 KiB window instead.
const Bytes kUnsizedFrame = {0x28, 0xb5, 0x2f, 0xfd,  // magic number
                             0x00,                    // no flags
                             0x00,                    // window of 1 KiB
                             0x29, 0x00, 0x00,  // last block, raw, 5 bytes
                             'h',  'o',  'i',  's',  't'};

void ExpectDataLoss(absl::Span<const uint8_t> frame, size_t size,
                    const char* message) {
  Bytes out(size);
  EXPECT_THAT(ZstdDecompress(frame, absl::MakeSpan(out)),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr(message)));
}

TEST(ZstdTest, RoundTrip) {
  for (const size_t size : {0u, 1u, 5u, 1000u, 300000u}) {
    const Bytes bytes = Sample(size);
    for (const int level : {1, 3, 19}) {
      SCOPED_TRACE(testing::Message() << size << " at level " << level);
      HOIST_ASSERT_OK_AND_ASSIGN(const Bytes frame, ZstdCompress(bytes, level));
      EXPECT_EQ(ZstdContentSize(frame), size);
      Bytes out(size, 0xee);
      HOIST_ASSERT_OK(ZstdDecompress(frame, absl::MakeSpan(out)));
      EXPECT_EQ(out, bytes);
    }
  }
}

TEST(ZstdTest, MakesRepeatingBytesSmall) {
  EXPECT_LT(ZstdCompress(Bytes(100000, 7), 3)->size(), 200u);
}

TEST(ZstdTest, HigherLevelsCompressMore) {
  Bytes bytes(200000);
  std::mt19937 random(5);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random() % 7);
  EXPECT_LT(ZstdCompress(bytes, 19)->size(), ZstdCompress(bytes, 1)->size());
}

TEST(ZstdTest, RefusesOtherLevels) {
  for (const int level : {-5, 0, 20, 1000}) {
    EXPECT_THAT(ZstdCompress(Bytes(10), level),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("is not between 1 and 19")));
  }
}

TEST(ZstdTest, ReadsFramesOfOthers) {
  for (const Bytes& frame : {kHoistFrame, kUnsizedFrame}) {
    Bytes out(5);
    HOIST_ASSERT_OK(ZstdDecompress(frame, absl::MakeSpan(out)));
    EXPECT_EQ(std::string(out.begin(), out.end()), "hoist");
  }
}

TEST(ZstdTest, RefusesAnotherSize) {
  ExpectDataLoss(kHoistFrame, 4, "Zstd frame holds 5 bytes, and not 4");
  ExpectDataLoss(kHoistFrame, 6, "Zstd frame holds 5 bytes, and not 6");
  ExpectDataLoss(kHoistFrame, 0, "Zstd frame holds 5 bytes, and not 0");
  ExpectDataLoss(kUnsizedFrame, 4, "Zstd frame is damaged");
  ExpectDataLoss(kUnsizedFrame, 6, "Zstd frame holds 5 bytes, and not 6");
}

TEST(ZstdTest, WritesNothingBehindOut) {
  Bytes frame = kUnsizedFrame;
  Bytes out(8, 0xee);
  EXPECT_FALSE(ZstdDecompress(frame, absl::MakeSpan(out).first(3)).ok());
  EXPECT_THAT(absl::MakeSpan(out).subspan(3), ::testing::Each(0xee));
}

TEST(ZstdTest, RefusesAnUntrueContentSize) {
  Bytes frame = kHoistFrame;
  frame[5] = 6;
  ExpectDataLoss(frame, 6, "Zstd frame");
  frame[5] = 4;
  ExpectDataLoss(frame, 4, "Zstd frame");
}

TEST(ZstdTest, RefusesEveryTruncation) {
  for (const Bytes& frame : {*ZstdCompress(Sample(2000), 3), kUnsizedFrame}) {
    const size_t size = ZstdContentSize(frame).value_or(5);
    for (size_t length = 0; length < frame.size(); ++length) {
      SCOPED_TRACE(length);
      ExpectDataLoss(absl::MakeConstSpan(frame).first(length), size, "rame");
    }
  }
}

TEST(ZstdTest, DamageNeverChangesTheContent) {
  const Bytes bytes = Sample(2000);
  const Bytes frame = *ZstdCompress(bytes, 3);
  int refused = 0;
  for (size_t i = 0; i < frame.size(); ++i) {
    for (const uint8_t flip : {0x01, 0x80}) {
      Bytes damaged = frame;
      damaged[i] ^= flip;
      Bytes out(bytes.size());
      const absl::Status status = ZstdDecompress(damaged, absl::MakeSpan(out));
      // Few bits mean nothing, or the same, as a match with equal bytes does;
      // what must not be is another content.
      if (status.ok()) {
        ASSERT_EQ(out, bytes) << i;
      } else {
        ++refused;
        EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
      }
    }
  }
  EXPECT_GT(refused, static_cast<int>(2 * frame.size()) - 10);
}

TEST(ZstdTest, RecordsAChecksum) {
  Bytes frame = *ZstdCompress(Sample(100), 3);
  frame.back() ^= 1;
  ExpectDataLoss(frame, 100, "checksum");
}

TEST(ZstdTest, RefusesWhatFollows) {
  Bytes frame = kHoistFrame;
  frame.push_back(0);
  ExpectDataLoss(frame, 5, "Zstd frame of 14 bytes is followed by 1 more");
  frame = kHoistFrame;
  frame.insert(frame.end(), kHoistFrame.begin(), kHoistFrame.end());
  ExpectDataLoss(frame, 5, "is followed by 14 more");
  ExpectDataLoss(frame, 10, "holds 5 bytes, and not 10");
}

TEST(ZstdTest, RefusesOtherFrames) {
  const Bytes skippable = {0x50, 0x2a, 0x4d, 0x18, 0x01, 0, 0, 0, 0xff};
  const Bytes gzip = {0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 3};
  for (const Bytes& frame : {Bytes(), skippable, gzip}) {
    ExpectDataLoss(frame, 0, "No zstd frame");
    EXPECT_EQ(ZstdContentSize(frame), std::nullopt);
  }
}

TEST(ZstdContentSizeTest, NeedsTheHeadOnly) {
  HOIST_ASSERT_OK_AND_ASSIGN(const Bytes frame, ZstdCompress(Sample(70000), 1));
  const auto head = absl::MakeConstSpan(frame);
  EXPECT_EQ(ZstdContentSize(head.first(18)), 70000u);
  EXPECT_EQ(ZstdContentSize(head.first(5)), std::nullopt);
  EXPECT_EQ(ZstdContentSize(head.first(3)), std::nullopt);
}

TEST(ZstdContentSizeTest, MayBeUnknown) {
  EXPECT_EQ(ZstdContentSize(kHoistFrame), 5u);
  EXPECT_EQ(ZstdContentSize(kUnsizedFrame), std::nullopt);
}

TEST(ZstdContentSizeTest, ReportsAHugeClaimWithoutAllocating) {
  const Bytes head = {0x28, 0xb5, 0x2f, 0xfd,  // magic number
                      0xe0,                    // single segment, 8 bytes
                      0,    0,    0,    0,    0, 0, 0, 0x40};
  EXPECT_EQ(ZstdContentSize(head), uint64_t{1} << 62);
  ExpectDataLoss(head, 10, "holds 4611686018427387904 bytes, and not 10");
}

}  // namespace
}  // namespace hoist
