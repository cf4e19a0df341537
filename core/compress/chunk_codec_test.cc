#include "hoist/core/compress/chunk_codec.h"

#include <bit>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/compress/zstd.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::HasSubstr;
using Bytes = std::vector<uint8_t>;

constexpr size_t kChunkBytes = size_t{1} << 20;

// Floats of which the last `dropped` bytes are cut off: 2 makes bfloat16.
Bytes NormalFloats(size_t bytes, size_t dropped) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, 0.02F);
  Bytes floats(bytes);
  const size_t width = sizeof(float) - dropped;
  for (size_t i = 0; i + width <= bytes; i += width) {
    const auto bits = std::bit_cast<uint32_t>(normal(random));
    std::memcpy(&floats[i], reinterpret_cast<const char*>(&bits) + dropped,
                width);
  }
  return floats;
}

Bytes RandomBytes(size_t size) {
  std::mt19937 random(2);
  Bytes bytes(size);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

double Ratio(const Bytes& chunk, const ChunkEncoder::Encoded& encoded) {
  return static_cast<double>(chunk.size()) /
         static_cast<double>(encoded.stored.size());
}

void ExpectDecodes(const Bytes& chunk, const ChunkEncoder::Encoded& encoded) {
  ChunkDecoder decoder;
  for (int i = 0; i < 2; ++i) {
    Bytes decoded(chunk.size(), 0xA5);
    HOIST_ASSERT_OK(decoder.Decode(encoded.encoding, encoded.stored,
                                   absl::MakeSpan(decoded)));
    EXPECT_TRUE(decoded == chunk);
  }
}

TEST(ChunkCodecTest, NormalWeights) {
  ChunkEncoder encoder;
  struct Case {
    size_t dropped;
    int float_bytes;
    ChunkEncoding encoding;
    double ratio;
  };
  for (const Case& c : {Case{2, 2, ChunkEncoding::kFloatPlanes2, 1.48},
                        Case{0, 4, ChunkEncoding::kFloatPlanes4, 1.19}}) {
    const Bytes chunk = NormalFloats(kChunkBytes, c.dropped);
    HOIST_ASSERT_OK_AND_ASSIGN(const ChunkEncoder::Encoded encoded,
                               encoder.Encode(chunk, c.float_bytes));
    EXPECT_EQ(encoded.encoding, c.encoding);
    EXPECT_GE(Ratio(chunk, encoded), c.ratio);
    ExpectDecodes(chunk, encoded);
  }
}

TEST(ChunkCodecTest, RandomBytesStayRaw) {
  ChunkEncoder encoder;
  const Bytes chunk = RandomBytes(kChunkBytes);
  for (const int float_bytes : {0, 1, 2, 4, 8}) {
    HOIST_ASSERT_OK_AND_ASSIGN(const ChunkEncoder::Encoded encoded,
                               encoder.Encode(chunk, float_bytes));
    EXPECT_EQ(encoded.encoding, ChunkEncoding::kRaw);
    EXPECT_EQ(encoded.stored.data(), chunk.data());
    ExpectDecodes(chunk, encoded);
  }
}

TEST(ChunkCodecTest, RepeatsAreFound) {
  Bytes chunk(kChunkBytes);
  for (size_t i = 0; i < chunk.size(); ++i) {
    chunk[i] = i % 5000 == 0 ? static_cast<uint8_t>(i / 5000) : 0;
  }
  ChunkEncoder encoder;
  for (const int float_bytes : {0, 2, 4, 8}) {
    HOIST_ASSERT_OK_AND_ASSIGN(const ChunkEncoder::Encoded encoded,
                               encoder.Encode(chunk, float_bytes));
    EXPECT_GT(Ratio(chunk, encoded), 300);
    ExpectDecodes(chunk, encoded);
  }
}

// Lengths that are no whole floats, and few bytes, of every width.
TEST(ChunkCodecTest, EveryLength) {
  ChunkEncoder encoder;
  for (const int float_bytes : {0, 1, 2, 4, 8}) {
    for (const size_t size : {0, 1, 2, 7, 8, 100, 1001, 40000}) {
      const Bytes chunk = NormalFloats(size, 2);
      HOIST_ASSERT_OK_AND_ASSIGN(const ChunkEncoder::Encoded encoded,
                                 encoder.Encode(chunk, float_bytes));
      EXPECT_LE(encoded.stored.size(), size);
      if (encoded.encoding != ChunkEncoding::kRaw) {
        EXPECT_GE(Ratio(chunk, encoded), 1 / 0.95);
      }
      ExpectDecodes(chunk, encoded);
    }
  }
  EXPECT_THAT(encoder.Encode(Bytes(kMaxEncodedChunkBytes + 1), 0),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(ChunkCodecTest, ASavingOfLessThanATwentiethIsNone) {
  // Bytes of which so many are the same that about 4 or 6 in 100 are saved.
  ChunkEncoder encoder;
  const auto encode = [&encoder](double part) {
    Bytes chunk = RandomBytes(kChunkBytes);
    std::fill(chunk.begin(),
              chunk.begin() + static_cast<ptrdiff_t>(kChunkBytes * part), 0);
    const auto encoded = encoder.Encode(chunk, 0);
    EXPECT_TRUE(encoded.ok());
    return encoded->encoding;
  };
  EXPECT_EQ(encode(0.02), ChunkEncoding::kRaw);
  EXPECT_EQ(encode(0.15), ChunkEncoding::kZstd);
}

TEST(ChunkCodecTest, WrongSizesAreDataLoss) {
  const Bytes chunk = NormalFloats(100'000, 2);
  ChunkEncoder encoder;
  HOIST_ASSERT_OK_AND_ASSIGN(const ChunkEncoder::Encoded encoded,
                             encoder.Encode(chunk, 2));
  ASSERT_EQ(encoded.encoding, ChunkEncoding::kFloatPlanes2);
  const Bytes stored(encoded.stored.begin(), encoded.stored.end());
  ChunkDecoder decoder;
  const auto decode = [&decoder](ChunkEncoding encoding, const Bytes& bytes,
                                 size_t size) {
    Bytes out(size);
    return decoder.Decode(encoding, bytes, absl::MakeSpan(out));
  };
  const auto is_damaged = [](absl::string_view what) {
    return StatusIs(absl::StatusCode::kDataLoss, HasSubstr(what));
  };
  const ChunkEncoding planes = ChunkEncoding::kFloatPlanes2;
  EXPECT_THAT(decode(planes, stored, chunk.size() - 2), is_damaged(""));
  EXPECT_THAT(decode(planes, stored, chunk.size() + 2), is_damaged(""));
  EXPECT_THAT(decode(planes, stored, chunk.size() + 1), is_damaged("no 2"));
  EXPECT_THAT(decode(planes, Bytes(7), chunk.size()), is_damaged("no 2"));
  Bytes longer = stored;
  longer.push_back(0);
  EXPECT_THAT(decode(planes, longer, chunk.size()),
              is_damaged("1 bytes follow"));
  Bytes shorter = stored;
  shorter.pop_back();
  EXPECT_THAT(decode(planes, shorter, chunk.size()), is_damaged("are there"));
  HOIST_ASSERT_OK_AND_ASSIGN(const Bytes frame, ZstdCompress(chunk, 1));
  HOIST_EXPECT_OK(decode(ChunkEncoding::kZstd, frame, chunk.size()));
  EXPECT_THAT(decode(ChunkEncoding::kZstd, frame, chunk.size() + 1),
              is_damaged("holds 100000 bytes, and not 100001"));
  EXPECT_THAT(decode(ChunkEncoding::kZstd, frame, 5), is_damaged("damaged"));
  EXPECT_THAT(decode(ChunkEncoding::kZstd, {1, 2, 3, 4, 5}, 5),
              is_damaged("damaged"));
  EXPECT_THAT(decode(ChunkEncoding::kRaw, {1, 2}, 3), is_damaged("2 raw"));
}

}  // namespace
}  // namespace hoist
