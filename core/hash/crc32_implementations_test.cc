#include "hoist/core/hash/crc32_implementations.h"

#include <isa-l/crc.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "hoist/core/hash/crc32.h"

namespace hoist {
namespace {

constexpr std::array<uint32_t, 4> kBefore = {0, 0xffffffff, 1, 0xcbf43926};

// Bit by bit, from the definition.
uint32_t NaiveCrc32(absl::Span<const uint8_t> bytes, uint32_t before) {
  uint32_t crc = ~before;
  for (const uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320 : 0);
    }
  }
  return ~crc;
}

uint32_t IsalCrc32(absl::Span<const uint8_t> bytes, uint32_t before) {
  return crc32_gzip_refl(before, bytes.data(), bytes.size());
}

std::vector<uint8_t> RandomBytes(size_t size) {
  std::mt19937 random(20240501);
  std::vector<uint8_t> bytes(size);
  std::generate(bytes.begin(), bytes.end(),
                [&] { return static_cast<uint8_t>(random()); });
  return bytes;
}

// What begins at an address that is `alignment` beyond a multiple of 64.
absl::Span<const uint8_t> AlignedAt(size_t alignment,
                                    absl::Span<const uint8_t> bytes) {
  const size_t is = reinterpret_cast<uintptr_t>(bytes.data()) % 64;
  return bytes.subspan((alignment + 64 - is) % 64);
}

class Crc32ImplementationsTest
    : public ::testing::TestWithParam<Crc32Implementation> {
 protected:
  uint32_t Crc(absl::Span<const uint8_t> bytes, uint32_t before) {
    return GetParam().crc32(bytes, before);
  }
};

INSTANTIATE_TEST_SUITE_P(All, Crc32ImplementationsTest,
                         ::testing::ValuesIn(Crc32Implementations().begin(),
                                             Crc32Implementations().end()),
                         [](const auto& info) {
                           return std::string(info.param.name);
                         });

// In memory that ends with the bytes, so that ASan sees a read beyond them.
TEST_P(Crc32ImplementationsTest, EveryLengthIsAsDefined) {
  const std::vector<uint8_t> bytes = RandomBytes(1100);
  for (size_t size = 0; size <= bytes.size(); ++size) {
    const std::vector<uint8_t> exact(bytes.begin(),
                                     bytes.begin() + static_cast<long>(size));
    for (const uint32_t before : kBefore) {
      const uint32_t expected = NaiveCrc32(exact, before);
      ASSERT_EQ(Crc(exact, before), expected) << size << " " << before;
      ASSERT_EQ(IsalCrc32(exact, before), expected) << size << " " << before;
    }
  }
}

TEST_P(Crc32ImplementationsTest, EveryAlignmentIsAsDefined) {
  const std::vector<uint8_t> bytes = RandomBytes(1200);
  for (size_t alignment = 0; alignment < 64; ++alignment) {
    const auto aligned = AlignedAt(alignment, bytes);
    for (const size_t size : {255u, 256u, 300u, 511u, 512u, 831u, 1100u}) {
      const auto span = aligned.first(size);
      ASSERT_EQ(Crc(span, 5), NaiveCrc32(span, 5)) << alignment << " " << size;
    }
  }
}

TEST_P(Crc32ImplementationsTest, LongerOnesAreAsIsals) {
  const std::vector<uint8_t> bytes = RandomBytes(3 << 20);
  std::mt19937 random(7);
  for (int i = 0; i < 200; ++i) {
    const size_t size = random() % (bytes.size() >> (random() % 10));
    const size_t offset = random() % (bytes.size() - size);
    const uint32_t before = random();
    const auto span = absl::MakeConstSpan(bytes).subspan(offset, size);
    ASSERT_EQ(Crc(span, before), IsalCrc32(span, before))
        << offset << " " << size << " " << before;
  }
}

TEST_P(Crc32ImplementationsTest, ConstantBytesAreAsDefined) {
  for (const uint8_t byte : {0x00, 0x01, 0x80, 0xff}) {
    const std::vector<uint8_t> bytes(5000, byte);
    for (const uint32_t before : kBefore) {
      EXPECT_EQ(Crc(bytes, before), NaiveCrc32(bytes, before));
    }
  }
}

// A flipped bit anywhere is noticed.
TEST_P(Crc32ImplementationsTest, EveryByteCounts) {
  std::vector<uint8_t> bytes = RandomBytes(900);
  const uint32_t whole = Crc(bytes, 0);
  for (uint8_t& byte : bytes) {
    byte ^= 0x10;
    ASSERT_NE(Crc(bytes, 0), whole) << &byte - bytes.data();
    byte ^= 0x10;
  }
}

std::set<std::string> ProcessorFlags() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("flags", 0) == 0) {
      return absl::StrSplit(line, ' ');
    }
  }
  return {};
}

// Linux reads what the processor has by itself.
TEST(Crc32DispatchTest, ImplementationsAreThoseOfTheProcessor) {
  const std::set<std::string> flags = ProcessorFlags();
  std::vector<std::string> expected;
  if (flags.count("vpclmulqdq") > 0 && flags.count("avx512f") > 0) {
    expected.push_back("avx512");
  }
  if (flags.count("vpclmulqdq") > 0 && flags.count("avx2") > 0) {
    expected.push_back("avx2");
  }
  expected.push_back("isal");
  std::vector<std::string> names;
  for (const Crc32Implementation& each : Crc32Implementations()) {
    names.emplace_back(each.name);
  }
  EXPECT_EQ(names, expected);
}

}  // namespace
}  // namespace hoist
