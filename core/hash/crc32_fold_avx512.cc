#include "hoist/core/hash/crc32_fold_avx512.h"

#include <isa-l/crc.h>

#include "hoist/core/hash/crc32_fold.h"

#define HOIST_TARGET_AVX512 \
  __attribute__((target("avx512f,vpclmulqdq,sse4.1,pclmul")))

namespace hoist {
namespace {

constexpr int kLaneBits = 512;
constexpr size_t kLaneBytes = kLaneBits / 8;
constexpr int kLanes = 4;
constexpr size_t kStrideBytes = kLanes * kLaneBytes;

HOIST_TARGET_AVX512 inline __m512i Load(const uint8_t* from) {
  return _mm512_loadu_si512(from);
}

template <int n>
HOIST_TARGET_AVX512 inline __m512i By() {
  return _mm512_set4_epi64(kCrc32FoldLast<n>, kCrc32FoldFirst<n>,
                           kCrc32FoldLast<n>, kCrc32FoldFirst<n>);
}

HOIST_TARGET_AVX512 inline __m512i Fold(__m512i sum, __m512i by, __m512i next) {
  constexpr int kXor3 = 0x96;
  return _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(sum, by, 0x00),
                                   _mm512_clmulepi64_epi128(sum, by, 0x11),
                                   next, kXor3);
}

}  // namespace

HOIST_TARGET_AVX512 uint32_t Crc32FoldAvx512(absl::Span<const uint8_t> bytes,
                                             uint32_t before) {
  static_assert(kCrc32FoldMinimumBytes >= kStrideBytes);
  if (bytes.size() < kCrc32FoldMinimumBytes) {
    return crc32_gzip_refl(before, bytes.data(), bytes.size());
  }
  const uint8_t* at = bytes.data();
  const uint8_t* const end = at + bytes.size();
  __m512i a = _mm512_xor_si512(
      Load(at), _mm512_zextsi128_si512(_mm_cvtsi32_si128(~before)));
  __m512i b = Load(at + kLaneBytes);
  __m512i c = Load(at + 2 * kLaneBytes);
  __m512i d = Load(at + 3 * kLaneBytes);
  at += kStrideBytes;

  const __m512i by_stride = By<kLanes * kLaneBits>();
  while (static_cast<size_t>(end - at) >= kStrideBytes) {
    a = Fold(a, by_stride, Load(at));
    b = Fold(b, by_stride, Load(at + kLaneBytes));
    c = Fold(c, by_stride, Load(at + 2 * kLaneBytes));
    d = Fold(d, by_stride, Load(at + 3 * kLaneBytes));
    at += kStrideBytes;
  }

  const __m512i by_lane = By<kLaneBits>();
  __m512i lane = Fold(Fold(Fold(a, by_lane, b), by_lane, c), by_lane, d);
  while (static_cast<size_t>(end - at) >= kLaneBytes) {
    lane = Fold(lane, by_lane, Load(at));
    at += kLaneBytes;
  }

  alignas(64) __m128i parts[4];
  _mm512_store_si512(parts, lane);
  const __m128i sum =
      Crc32Fold(Crc32Fold(Crc32Fold(parts[0], parts[1]), parts[2]), parts[3]);
  return Crc32Finish(sum, at, end);
}

}  // namespace hoist
