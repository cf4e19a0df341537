#include "hoist/core/hash/crc32.h"

#include <cstddef>
#include <limits>
#include <random>
#include <vector>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace hoist {
namespace {

absl::Span<const uint8_t> Bytes(absl::string_view text) {
  return absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(text.data()),
                             text.size());
}

// Bit by bit, from the definition.
uint32_t NaiveCrc32(absl::Span<const uint8_t> bytes) {
  uint32_t crc = 0xffffffff;
  for (const uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320 : 0);
    }
  }
  return ~crc;
}

std::vector<uint8_t> RandomBytes(size_t size) {
  std::mt19937 random(20240501);
  std::vector<uint8_t> bytes(size);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

TEST(Crc32Test, KnownValues) {
  EXPECT_EQ(Crc32({}), 0u);
  EXPECT_EQ(Crc32(Bytes("123456789")), 0xcbf43926);
  EXPECT_EQ(Crc32(Bytes("a")), 0xe8b7be43);
  EXPECT_EQ(Crc32(Bytes("The quick brown fox jumps over the lazy dog")),
            0x414fa339u);
  EXPECT_EQ(Crc32(std::vector<uint8_t>(32, 0)), 0x190a55adu);
}

// Vectorised code has different paths for short, unaligned and last bytes.
TEST(Crc32Test, EveryLengthAndAlignmentIsAsDefined) {
  const std::vector<uint8_t> bytes = RandomBytes(700);
  for (size_t offset = 0; offset < 20; ++offset) {
    for (size_t size = 0; size < 600; size += offset == 0 ? 1 : 37) {
      const auto span = absl::MakeConstSpan(bytes).subspan(offset, size);
      ASSERT_EQ(Crc32(span), NaiveCrc32(span)) << offset << " " << size;
    }
  }
}

TEST(Crc32Test, ContinuesFromTheBytesBefore) {
  const std::vector<uint8_t> bytes = RandomBytes(300);
  const auto span = absl::MakeConstSpan(bytes);
  const uint32_t whole = NaiveCrc32(span);
  for (size_t split = 0; split <= bytes.size(); ++split) {
    ASSERT_EQ(Crc32(span.subspan(split), Crc32(span.first(split))), whole)
        << split;
  }
}

TEST(Crc32Test, CombinesTwoRunsAtEverySplit) {
  const std::vector<uint8_t> bytes = RandomBytes(1000);
  const auto span = absl::MakeConstSpan(bytes);
  const uint32_t whole = NaiveCrc32(span);
  for (size_t split = 0; split <= bytes.size(); ++split) {
    ASSERT_EQ(CombineCrc32(Crc32(span.first(split)), Crc32(span.subspan(split)),
                           bytes.size() - split),
              whole)
        << split;
  }
}

TEST(Crc32Test, CombinesManyChunksInOrder) {
  const std::vector<uint8_t> bytes = RandomBytes(1 << 20);
  const auto span = absl::MakeConstSpan(bytes);
  for (const size_t chunk_size : {1000u, 4096u, 65537u, 1u << 20}) {
    uint32_t combined = 0;
    for (size_t at = 0; at < bytes.size(); at += chunk_size) {
      const auto chunk = span.subspan(at, chunk_size);
      combined = CombineCrc32(combined, Crc32(chunk), chunk.size());
    }
    EXPECT_EQ(combined, Crc32(span)) << chunk_size;
  }
}

// What `size` zero bytes make of `crc`, in two steps that are each in range.
uint32_t AfterZeros(uint32_t crc, uint64_t half, uint64_t other_half) {
  return CombineCrc32(CombineCrc32(crc, 0, half), 0, other_half);
}

TEST(Crc32Test, CombinesAnySize) {
  constexpr uint32_t kCrc = 0xcbf43926;
  constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();
  for (const uint64_t size :
       {uint64_t{1} << 31, uint64_t{1} << 32, (uint64_t{1} << 40) + 3, kMax / 2,
        kMax / 2 + 1, kMax / 2 + 2, kMax - 1, kMax}) {
    EXPECT_EQ(CombineCrc32(kCrc, 0, size),
              AfterZeros(kCrc, size / 2, size - size / 2))
        << size;
  }
}

}  // namespace
}  // namespace hoist
