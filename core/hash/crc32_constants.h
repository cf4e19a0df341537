#ifndef HOIST_CORE_HASH_CRC32_CONSTANTS_H_
#define HOIST_CORE_HASH_CRC32_CONSTANTS_H_

#include <cstdint>

namespace hoist {

// What the arithmetic of CRC-32 by carry-less multiplication needs, computed
// from the polynomial. The method: Gopal et al., "Fast CRC Computation for
// Generic Polynomials Using PCLMULQDQ Instruction", Intel 2009.
//
// Polynomials over GF(2) are reflected, as zip has them: in a word of w bits
// the coefficient of x^i is bit w - 1 - i, so that bytes in memory order, read
// little-endian, are coefficients in falling order. The product of two words
// of 64 bits is then a word of 128 bits that stands for a * b * x.

// P without its x^32.
inline constexpr uint32_t kCrc32Polynomial = 0xedb88320;

// x^n mod P as a word of 32 bits.
constexpr uint32_t Crc32PowerOfX(int n) {
  uint32_t power = 0x80000000;  // x^0
  for (int i = 0; i < n; ++i) {
    power = (power >> 1) ^ ((power & 1) != 0 ? kCrc32Polynomial : 0);
  }
  return power;
}

// The word of 64 bits by which a word of 64 bits is multiplied, to get one of
// 128 bits that is the former * x^n, mod P.
template <int n>
inline constexpr uint64_t kCrc32Multiplier =
    uint64_t{Crc32PowerOfX(n - 1)} << 32;

// P with its x^32, as a word of 33 bits.
inline constexpr uint64_t kCrc32Divisor = uint64_t{kCrc32Polynomial} << 1 | 1;

// x^64 / P without the remainder, as a word of 33 bits: Barrett's reciprocal.
inline constexpr uint64_t kCrc32Reciprocal = [] {
  uint64_t quotient = 1;
  for (int n = 32; n < 64; ++n) {
    const uint64_t has_x31 = Crc32PowerOfX(n) & 1;
    quotient |= has_x31 << (n - 31);
  }
  return quotient;
}();

}  // namespace hoist

#endif  // HOIST_CORE_HASH_CRC32_CONSTANTS_H_
