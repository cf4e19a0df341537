#ifndef HOIST_CORE_HASH_CRC32_FOLD_H_
#define HOIST_CORE_HASH_CRC32_FOLD_H_

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "hoist/core/hash/crc32_constants.h"

namespace hoist {

// What the implementations of CRC-32 by folding share, for x86-64. A register
// of 128 bits is a polynomial (crc32_constants.h); folding it by n bits gives
// another that is x^n times it, mod P, to which the 16 bytes that stand n bits
// later are added. Thread-safe.

#define HOIST_TARGET_PCLMUL __attribute__((target("sse4.1,pclmul")))

// Below as many bytes as the longest stride ISA-L is as fast.
inline constexpr size_t kCrc32FoldMinimumBytes = 256;

// The multipliers that fold by n bits: of the first 8 bytes, which are worth
// x^64 more, and of the last 8.
template <int n>
inline constexpr uint64_t kCrc32FoldFirst = kCrc32Multiplier<n + 64>;
template <int n>
inline constexpr uint64_t kCrc32FoldLast = kCrc32Multiplier<n>;

// `sum` folded by its own length, and `next` added.
HOIST_TARGET_PCLMUL inline __m128i Crc32Fold(__m128i sum, __m128i next) {
  const __m128i by = _mm_set_epi64x(kCrc32FoldLast<128>, kCrc32FoldFirst<128>);
  return _mm_xor_si128(next,
                       _mm_xor_si128(_mm_clmulepi64_si128(sum, by, 0x00),
                                     _mm_clmulepi64_si128(sum, by, 0x11)));
}

// The CRC of bytes whose polynomial is `sum`: sum * x^32 mod P.
HOIST_TARGET_PCLMUL inline uint32_t Crc32Reduce(__m128i sum) {
  const __m128i by = _mm_set_epi64x(kCrc32Multiplier<64>, kCrc32Multiplier<96>);
  // The first 8 bytes are worth x^64; with the x^32, 96 bits are left.
  const __m128i bits_96 =
      _mm_xor_si128(_mm_clmulepi64_si128(sum, by, 0x00),
                    _mm_slli_si128(_mm_srli_si128(sum, 8), 4));
  // The first 32 of them are worth x^64: 64 bits are left.
  const __m128i bits_64 = _mm_srli_si128(
      _mm_xor_si128(_mm_clmulepi64_si128(bits_96, by, 0x10), bits_96), 8);
  // Barrett: the remainder is what is left of them after the quotient * P. The
  // words of 32 and 33 bits make one of 64 without the x.
  const __m128i barrett = _mm_set_epi64x(kCrc32Divisor, kCrc32Reciprocal);
  const __m128i first_32 = _mm_set_epi32(0, 0, 0, -1);
  const __m128i quotient = _mm_and_si128(
      first_32,
      _mm_clmulepi64_si128(_mm_and_si128(bits_64, first_32), barrett, 0x00));
  const __m128i remainder =
      _mm_xor_si128(bits_64, _mm_clmulepi64_si128(quotient, barrett, 0x10));
  return ~static_cast<uint32_t>(_mm_extract_epi32(remainder, 1));
}

// `sum`, and `size` bytes behind it, fewer than 16, that end at `end`; 16 bytes
// before `end` can be read.
HOIST_TARGET_PCLMUL inline __m128i Crc32FoldPart(__m128i sum,
                                                 const uint8_t* end,
                                                 size_t size) {
  // Any 16 in a row are a shuffle: those in the middle leave bytes where they
  // are, earlier ones move them to the end, later ones to the start. 0x80 makes
  // a zero.
  alignas(16) static constexpr uint8_t kMove[48] = {
      0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
      0x80, 0x80, 0x80, 0x80, 0,    1,    2,    3,    4,    5,    6,    7,
      8,    9,    10,   11,   12,   13,   14,   15,   0x80, 0x80, 0x80, 0x80,
      0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80};
  const __m128i to_end =
      _mm_loadu_si128(reinterpret_cast<const __m128i*>(kMove + size));
  const __m128i to_start =
      _mm_loadu_si128(reinterpret_cast<const __m128i*>(kMove + 16 + size));
  const __m128i last =
      _mm_loadu_si128(reinterpret_cast<const __m128i*>(end - 16));
  // Of `last` the bytes that come after `sum`: where it leaves zeros.
  const __m128i next =
      _mm_blendv_epi8(_mm_shuffle_epi8(sum, to_start), last, to_start);
  return Crc32Fold(_mm_shuffle_epi8(sum, to_end), next);
}

// The CRC of bytes whose polynomial is `sum`, and of those behind them from
// `at` to `end`; 16 bytes before `end` can be read.
HOIST_TARGET_PCLMUL inline uint32_t Crc32Finish(__m128i sum, const uint8_t* at,
                                                const uint8_t* end) {
  for (; end - at >= 16; at += 16) {
    sum = Crc32Fold(sum, _mm_loadu_si128(reinterpret_cast<const __m128i*>(at)));
  }
  return Crc32Reduce(Crc32FoldPart(sum, end, static_cast<size_t>(end - at)));
}

}  // namespace hoist

#endif  // HOIST_CORE_HASH_CRC32_FOLD_H_
