#include "hoist/core/tensor/ops/digest.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <set>
#include <vector>

#include "gtest/gtest.h"
#include "hoist/core/tensor/ops/cpu_level.h"
#include "hoist/core/tensor/ops/digest_loops.h"

namespace hoist {
namespace {

std::vector<uint8_t> RandomBytes(size_t size) {
  std::mt19937 random(1);
  std::vector<uint8_t> bytes(size);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

// From the definition in the header.
uint64_t Term(uint64_t word, uint64_t index) {
  uint64_t x = word + (index + 1) * 0x9E3779B97F4A7C15;
  for (int i = 0; i < 2; ++i) {
    x ^= x >> 32;
    x *= 0xD6E8FEB86659FD93;
  }
  return x ^ (x >> 32);
}

uint64_t Naive(const std::vector<uint8_t>& bytes) {
  uint64_t sum = Term(bytes.size(), ~uint64_t{0});
  for (size_t i = 0; i < bytes.size(); i += 8) {
    uint64_t word = 0;
    for (size_t j = i; j < std::min(i + 8, bytes.size()); ++j) {
      word |= uint64_t{bytes[j]} << (8 * (j - i));
    }
    sum += Term(word, i / 8);
  }
  return sum;
}

// Written out, so that it cannot change unnoticed: digests may be stored.
TEST(DigestTest, KnownValues) {
  EXPECT_EQ(Digest64({}), 0x0000000000000000u);
  EXPECT_EQ(Digest64(std::vector<uint8_t>{'H', 'o', 'i', 's', 't'}),
            0x4be692b5770a150cu);
  EXPECT_EQ(Digest64(std::vector<uint8_t>(1024, 0)), 0xe43686a46c60ac32u);
}

TEST(DigestTest, EveryLengthAndAlignmentIsAsDefined) {
  const std::vector<uint8_t> bytes = RandomBytes(600);
  for (size_t size = 0; size < 590; ++size) {
    const size_t shift = size % 9;
    const std::vector<uint8_t> part(bytes.begin() + shift,
                                    bytes.begin() + shift + size);
    ASSERT_EQ(Digest64(absl::MakeConstSpan(bytes).subspan(shift, size)),
              Naive(part))
        << size;
  }
}

TEST(DigestTest, EveryLevelGivesTheSame) {
  const std::vector<uint8_t> bytes = RandomBytes(8 * 1001);
  for (const CpuLevel level : SupportedCpuLevels()) {
    EXPECT_EQ(HOIST_AT_CPU_LEVEL(level, DigestLoop)(bytes.data(), 1001, 7),
              DigestTerms(bytes, 7));
  }
}

TEST(DigestTest, PiecesAddUpInAnyOrder) {
  const std::vector<uint8_t> bytes = RandomBytes(1003);
  const auto span = absl::MakeConstSpan(bytes);
  for (size_t split = 0; split < bytes.size(); split += 8) {
    EXPECT_EQ(DigestOfTerms(DigestTerms(span.subspan(split), split / 8) +
                                DigestTerms(span.first(split), 0),
                            bytes.size()),
              Digest64(bytes));
  }
}

TEST(DigestTest, NoticesEveryKindOfDamage) {
  const std::vector<uint8_t> bytes = RandomBytes(1024);
  std::set<uint64_t> digests = {Digest64(bytes)};
  size_t variants = 1;
  const auto add = [&](const std::vector<uint8_t>& damaged) {
    digests.insert(Digest64(damaged));
    ++variants;
  };
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::vector<uint8_t> flipped = bytes;
    flipped[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    add(flipped);
  }
  for (size_t a = 0; a < 128; ++a) {
    for (size_t b = 0; b < a; ++b) {
      std::vector<uint8_t> swapped = bytes;
      std::swap_ranges(swapped.begin() + a * 8, swapped.begin() + a * 8 + 8,
                       swapped.begin() + b * 8);
      add(swapped);
      std::vector<uint8_t> zeroed = bytes;
      std::fill(zeroed.begin() + b * 8, zeroed.begin() + a * 8, 0);
      add(zeroed);
    }
  }
  for (size_t size = 0; size < bytes.size(); ++size) {
    add({bytes.begin(), bytes.begin() + size});
  }
  EXPECT_EQ(digests.size(), variants);
  // Zeros of different length, too.
  std::set<uint64_t> zeros;
  for (size_t size = 0; size < 100; ++size) {
    zeros.insert(Digest64(std::vector<uint8_t>(size, 0)));
  }
  EXPECT_EQ(zeros.size(), 100u);
}

}  // namespace
}  // namespace hoist
