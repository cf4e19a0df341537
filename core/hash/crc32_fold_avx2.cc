#include "hoist/core/hash/crc32_fold_avx2.h"

#include <isa-l/crc.h>

#include "hoist/core/hash/crc32_fold.h"

#define HOIST_TARGET_AVX2 \
  __attribute__((target("avx2,vpclmulqdq,sse4.1,pclmul")))

namespace hoist {
namespace {

constexpr int kLaneBits = 256;
constexpr size_t kLaneBytes = kLaneBits / 8;
constexpr int kLanes = 4;
constexpr size_t kStrideBytes = kLanes * kLaneBytes;

HOIST_TARGET_AVX2 inline __m256i Load(const uint8_t* from) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}

template <int n>
HOIST_TARGET_AVX2 inline __m256i By() {
  return _mm256_set_epi64x(kCrc32FoldLast<n>, kCrc32FoldFirst<n>,
                           kCrc32FoldLast<n>, kCrc32FoldFirst<n>);
}

HOIST_TARGET_AVX2 inline __m256i Fold(__m256i sum, __m256i by, __m256i next) {
  return _mm256_xor_si256(
      next, _mm256_xor_si256(_mm256_clmulepi64_epi128(sum, by, 0x00),
                             _mm256_clmulepi64_epi128(sum, by, 0x11)));
}

}  // namespace

HOIST_TARGET_AVX2 uint32_t Crc32FoldAvx2(absl::Span<const uint8_t> bytes,
                                         uint32_t before) {
  static_assert(kCrc32FoldMinimumBytes >= kStrideBytes);
  if (bytes.size() < kCrc32FoldMinimumBytes) {
    return crc32_gzip_refl(before, bytes.data(), bytes.size());
  }
  const uint8_t* at = bytes.data();
  const uint8_t* const end = at + bytes.size();
  __m256i a = _mm256_xor_si256(
      Load(at), _mm256_zextsi128_si256(_mm_cvtsi32_si128(~before)));
  __m256i b = Load(at + kLaneBytes);
  __m256i c = Load(at + 2 * kLaneBytes);
  __m256i d = Load(at + 3 * kLaneBytes);
  at += kStrideBytes;

  const __m256i by_stride = By<kLanes * kLaneBits>();
  while (static_cast<size_t>(end - at) >= kStrideBytes) {
    a = Fold(a, by_stride, Load(at));
    b = Fold(b, by_stride, Load(at + kLaneBytes));
    c = Fold(c, by_stride, Load(at + 2 * kLaneBytes));
    d = Fold(d, by_stride, Load(at + 3 * kLaneBytes));
    at += kStrideBytes;
  }

  const __m256i by_lane = By<kLaneBits>();
  const __m256i lane = Fold(Fold(Fold(a, by_lane, b), by_lane, c), by_lane, d);
  const __m128i sum = Crc32Fold(_mm256_castsi256_si128(lane),
                                _mm256_extracti128_si256(lane, 1));
  return Crc32Finish(sum, at, end);
}

}  // namespace hoist
