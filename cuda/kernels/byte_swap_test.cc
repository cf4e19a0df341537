// The host version, which shares ByteSwapElement with the device's.

#include "hoist/cuda/kernels/byte_swap.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::HasSubstr;

std::vector<uint64_t> RandomWords(size_t count) {
  std::mt19937_64 random(1);
  std::vector<uint64_t> words(count);
  std::generate(words.begin(), words.end(), random);
  return words;
}

// What is to come out, one byte at a time.
std::vector<uint64_t> Reversed(std::vector<uint64_t> words, size_t size) {
  auto* const bytes = reinterpret_cast<uint8_t*>(words.data());
  for (size_t i = 0; i < words.size() * 8; i += size) {
    std::reverse(bytes + i, bytes + i + size);
  }
  return words;
}

TEST(ByteSwapTest, AllTwoByteValues) {
  std::vector<uint16_t> values(65536);
  for (int i = 0; i < 65536; ++i) {
    values[i] = static_cast<uint16_t>(i);
  }
  HOIST_ASSERT_OK(
      ByteSwapOnDevice(0, values.data(), values.size(), 2, nullptr));
  for (int i = 0; i < 65536; ++i) {
    ASSERT_EQ(values[i], i % 256 * 256 + i / 256);
  }
}

TEST(ByteSwapTest, EqualsTheOracleAtEverySize) {
  const std::vector<uint64_t> words = RandomWords(10000);
  for (const int size : {2, 4, 8}) {
    std::vector<uint64_t> swapped = words;
    HOIST_ASSERT_OK(ByteSwapOnDevice(0, swapped.data(),
                                     swapped.size() * 8 / size, size, nullptr));
    EXPECT_TRUE(swapped == Reversed(words, size)) << size;
  }
}

TEST(ByteSwapTest, ReversesEveryByteOfAnElement) {
  for (const int size : {2, 4, 8}) {
    for (int i = 0; i < size; ++i) {
      uint64_t element = 0;
      auto* const bytes = reinterpret_cast<uint8_t*>(&element);
      bytes[i] = 0xA5;
      HOIST_ASSERT_OK(ByteSwapOnDevice(0, &element, 1, size, nullptr));
      EXPECT_EQ(bytes[size - 1 - i], 0xA5);
      EXPECT_EQ(std::count(bytes, bytes + 8, 0), 7);
    }
  }
}

TEST(ByteSwapTest, TouchesNothingElse) {
  std::vector<uint16_t> values = {0x1122, 0x3344, 0x5566};
  HOIST_ASSERT_OK(ByteSwapOnDevice(0, values.data() + 1, 1, 2, nullptr));
  EXPECT_THAT(values, ::testing::ElementsAre(0x1122, 0x4433, 0x5566));
  HOIST_ASSERT_OK(ByteSwapOnDevice(0, values.data(), 0, 2, nullptr));
  EXPECT_THAT(values, ::testing::ElementsAre(0x1122, 0x4433, 0x5566));
}

TEST(ByteSwapTest, RefusesOtherSizesAndAlignments) {
  uint64_t words[2] = {};
  for (const int size : {-2, 0, 1, 3, 16}) {
    EXPECT_THAT(ByteSwapOnDevice(0, words, 1, size, nullptr),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("cannot be byte-swapped")));
  }
  for (const int size : {2, 4, 8}) {
    EXPECT_THAT(
        ByteSwapOnDevice(0, reinterpret_cast<uint8_t*>(words) + 1, 1, size,
                         nullptr),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("aligned")));
  }
}

}  // namespace
}  // namespace hoist
