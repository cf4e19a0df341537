#include "hoist/core/tensor/ops/crc32c.h"

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "hoist/core/tensor/ops/crc32c_element.h"

namespace hoist {
namespace {

absl::Span<const uint8_t> Bytes(absl::string_view text) {
  return absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(text.data()),
                             text.size());
}

// Bit by bit, from the definition.
uint32_t Naive(absl::Span<const uint8_t> bytes) {
  uint32_t crc = 0xffffffff;
  for (const uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78 : 0);
    }
  }
  return ~crc;
}

std::vector<uint8_t> RandomBytes(size_t size) {
  std::mt19937 random(1);
  std::vector<uint8_t> bytes(size);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

// RFC 3720, B.4.
TEST(Crc32cTest, KnownValues) {
  EXPECT_EQ(Crc32c({}), 0u);
  EXPECT_EQ(Crc32c(Bytes("123456789")), 0xe3069283);
  EXPECT_EQ(Crc32c(std::vector<uint8_t>(32, 0)), 0x8a9136aau);
  EXPECT_EQ(Crc32c(std::vector<uint8_t>(32, 0xff)), 0x62a8ab43u);
}

TEST(Crc32cTest, EveryLengthAndAlignmentIsAsDefined) {
  const std::vector<uint8_t> bytes = RandomBytes(1100);
  for (size_t offset = 0; offset < 20; ++offset) {
    for (size_t size = 0; size < 1000; size += offset == 0 ? 1 : 37) {
      const auto span = absl::MakeConstSpan(bytes).subspan(offset, size);
      ASSERT_EQ(Crc32c(span), Naive(span)) << offset << " " << size;
    }
  }
}

TEST(Crc32cTest, ContinuesAndCombinesAtEverySplit) {
  const std::vector<uint8_t> bytes = RandomBytes(700);
  const auto span = absl::MakeConstSpan(bytes);
  const uint32_t whole = Naive(span);
  for (size_t split = 0; split <= bytes.size(); ++split) {
    const auto first = span.first(split);
    const auto second = span.subspan(split);
    ASSERT_EQ(Crc32c(second, Crc32c(first)), whole) << split;
    ASSERT_EQ(CombineCrc32c(Crc32c(first), Crc32c(second), second.size()),
              whole)
        << split;
  }
}

TEST(Crc32cTest, CombinesAnySize) {
  constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();
  for (int bits = 0; bits <= 64; ++bits) {
    const uint64_t size = bits == 0 ? 0 : kMax >> (64 - bits);
    EXPECT_EQ(CombineCrc32c(0xe3069283, 0x8a9136aa, size),
              Crc32cMultiply(Crc32cOfZeros(size), 0xe3069283) ^ 0x8a9136aa)
        << size;
  }
  for (const uint64_t size :
       {uint64_t{1} << 32, (uint64_t{1} << 40) + 3, kMax}) {
    EXPECT_EQ(CombineCrc32c(0xe3069283, 0, size),
              CombineCrc32c(CombineCrc32c(0xe3069283, 0, size / 2), 0,
                            size - size / 2));
  }
}

// As the device sums: each chunk alone, moved to its place.
TEST(Crc32cTest, ChunksMovedToTheirPlacesAddUp) {
  const std::vector<uint8_t> bytes = RandomBytes(1000);
  uint32_t sum = ~Crc32cMultiply(Crc32cOfZeros(bytes.size()), 0xffffffff);
  for (size_t start = 0; start < bytes.size(); start += 64) {
    const size_t end = std::min(start + 64, bytes.size());
    uint32_t crc = 0;
    for (size_t i = start; i < end; ++i) {
      crc = crc >> 8 ^ Crc32cOfByte((crc ^ bytes[i]) & 0xff);
    }
    sum ^= Crc32cMultiply(Crc32cOfZeros(bytes.size() - end), crc);
  }
  EXPECT_EQ(sum, Naive(bytes));
}

}  // namespace
}  // namespace hoist
