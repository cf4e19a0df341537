#include "hoist/core/hash/crc32_constants.h"

#include "gtest/gtest.h"

namespace hoist {
namespace {

TEST(Crc32ConstantsTest, PowersOfXWrapAtThePolynomial) {
  EXPECT_EQ(Crc32PowerOfX(0), 0x80000000);
  EXPECT_EQ(Crc32PowerOfX(1), 0x40000000u);
  EXPECT_EQ(Crc32PowerOfX(31), 1u);
  EXPECT_EQ(Crc32PowerOfX(32), kCrc32Polynomial);
}

// Table 1 of the paper, "bit-reflected": K1 to K5 are powers of x shifted by
// one bit, P' and u' as here.
TEST(Crc32ConstantsTest, AreThoseOfThePaper) {
  const auto paper_k = [](int n) { return uint64_t{Crc32PowerOfX(n)} << 1; };
  EXPECT_EQ(paper_k(4 * 128 + 32), 0x154442bd4u);
  EXPECT_EQ(paper_k(4 * 128 - 32), 0x1c6e41596u);
  EXPECT_EQ(paper_k(128 + 32), 0x1751997d0u);
  EXPECT_EQ(paper_k(128 - 32), 0x0ccaa009eu);
  EXPECT_EQ(paper_k(64), 0x163cd6124u);
  EXPECT_EQ(kCrc32Divisor, 0x1db710641u);
  EXPECT_EQ(kCrc32Reciprocal, 0x1f7011641u);
}

}  // namespace
}  // namespace hoist
