#include "hoist/core/hash/crc32_implementations.h"

#include <isa-l/crc.h>

#if defined(__x86_64__)
#include "hoist/core/hash/crc32_fold_avx2.h"
#include "hoist/core/hash/crc32_fold_avx512.h"
#endif

namespace hoist {
namespace {

uint32_t IsalCrc32(absl::Span<const uint8_t> bytes, uint32_t before) {
  return crc32_gzip_refl(before, bytes.data(), bytes.size());
}

#if defined(__x86_64__)

// Where one runs, those after it do.
constexpr Crc32Implementation kImplementations[] = {
    {"avx512", Crc32FoldAvx512},
    {"avx2", Crc32FoldAvx2},
    {"isal", IsalCrc32},
};

size_t FirstSupported() {
  const bool has_multiply = __builtin_cpu_supports("vpclmulqdq") != 0 &&
                            __builtin_cpu_supports("pclmul") != 0 &&
                            __builtin_cpu_supports("avx2") != 0;
  if (!has_multiply) {
    return 2;
  }
  return __builtin_cpu_supports("avx512f") != 0 ? 0 : 1;
}

#else

constexpr Crc32Implementation kImplementations[] = {{"isal", IsalCrc32}};

size_t FirstSupported() { return 0; }

#endif

}  // namespace

absl::Span<const Crc32Implementation> Crc32Implementations() {
  return absl::MakeConstSpan(kImplementations).subspan(FirstSupported());
}

}  // namespace hoist
