#include "hoist/core/hash/crc32_implementations.h"

#include <isa-l/crc.h>

#if defined(__x86_64__)
#include "hoist/core/hash/crc32_fold_avx2.h"
#endif

namespace hoist {
namespace {

uint32_t IsalCrc32(absl::Span<const uint8_t> bytes, uint32_t before) {
  return crc32_gzip_refl(before, bytes.data(), bytes.size());
}

#if defined(__x86_64__)

bool CanFoldAvx2() {
  return __builtin_cpu_supports("vpclmulqdq") != 0 &&
         __builtin_cpu_supports("pclmul") != 0 &&
         __builtin_cpu_supports("avx2") != 0;
}

constexpr Crc32Implementation kAvx2First[] = {{"avx2", Crc32FoldAvx2},
                                              {"isal", IsalCrc32}};
constexpr Crc32Implementation kIsalFirst[] = {{"isal", IsalCrc32},
                                              {"avx2", Crc32FoldAvx2}};

absl::Span<const Crc32Implementation> Choose() {
  if (!CanFoldAvx2()) {
    return absl::MakeConstSpan(kIsalFirst).subspan(0, 1);
  }
  // With AVX-512 ISA-L folds 512 bits, and without it 128.
  if (__builtin_cpu_supports("avx512f") != 0) {
    return kIsalFirst;
  }
  return kAvx2First;
}

#else

constexpr Crc32Implementation kIsal[] = {{"isal", IsalCrc32}};

absl::Span<const Crc32Implementation> Choose() { return kIsal; }

#endif

}  // namespace

absl::Span<const Crc32Implementation> Crc32Implementations() {
  return Choose();
}

}  // namespace hoist
