#ifndef HOIST_CORE_HASH_CRC32_H_
#define HOIST_CORE_HASH_CRC32_H_

#include <cstdint>

#include "absl/types/span.h"

namespace hoist {

// The CRC-32 of zip and gzip (polynomial 0x04C11DB7, reflected). Thread-safe.

// CRC of `bytes` after bytes whose CRC is `before`; 0 before the first.
uint32_t Crc32(absl::Span<const uint8_t> bytes, uint32_t before = 0);

// CRC of two runs one after the other, from the CRC of each and the length of
// the second: chunks can be summed by several threads. Takes less than a
// microsecond.
uint32_t CombineCrc32(uint32_t first, uint32_t second,
                      uint64_t second_size_bytes);

}  // namespace hoist

#endif  // HOIST_CORE_HASH_CRC32_H_
