#ifndef HOIST_CORE_TENSOR_OPS_CRC32C_H_
#define HOIST_CORE_TENSOR_OPS_CRC32C_H_

#include <cstdint>

#include "absl/types/span.h"

namespace hoist {

// CRC-32C (Castagnoli, polynomial 0x1EDC6F41, reflected), that of iSCSI,
// TFRecord and ext4. Thread-safe.

// CRC of `bytes` after bytes whose CRC is `before`; 0 before the first.
uint32_t Crc32c(absl::Span<const uint8_t> bytes, uint32_t before = 0);

// CRC of two runs one after the other, from the CRC of each and the length of
// the second: chunks can be summed by several threads. Takes a microsecond at
// most, and less for a power of two.
uint32_t CombineCrc32c(uint32_t first, uint32_t second,
                       uint64_t second_size_bytes);

}  // namespace hoist

#endif  // HOIST_CORE_TENSOR_OPS_CRC32C_H_
