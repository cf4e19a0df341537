#ifndef HOIST_CORE_HASH_CRC32_FOLD_AVX512_H_
#define HOIST_CORE_HASH_CRC32_FOLD_AVX512_H_

#include <cstdint>

#include "absl/types/span.h"

namespace hoist {

// Crc32() by folding 256 bytes at a time in registers of 512 bits. Only for
// processors with AVX512F, VPCLMULQDQ and PCLMULQDQ. Thread-safe.
uint32_t Crc32FoldAvx512(absl::Span<const uint8_t> bytes, uint32_t before);

}  // namespace hoist

#endif  // HOIST_CORE_HASH_CRC32_FOLD_AVX512_H_
