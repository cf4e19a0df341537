#ifndef HOIST_CORE_HASH_CRC32_FOLD_AVX2_H_
#define HOIST_CORE_HASH_CRC32_FOLD_AVX2_H_

#include <cstdint>

#include "absl/types/span.h"

namespace hoist {

// Crc32() by folding 128 bytes at a time in registers of 256 bits. Only for
// processors with AVX2, VPCLMULQDQ and PCLMULQDQ. Thread-safe.
uint32_t Crc32FoldAvx2(absl::Span<const uint8_t> bytes, uint32_t before);

}  // namespace hoist

#endif  // HOIST_CORE_HASH_CRC32_FOLD_AVX2_H_
