#ifndef HOIST_CORE_HASH_CRC32_IMPLEMENTATIONS_H_
#define HOIST_CORE_HASH_CRC32_IMPLEMENTATIONS_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace hoist {

// One way to compute Crc32(), for its choice, tests and benchmarks.
struct Crc32Implementation {
  absl::string_view name;  // "avx512", "avx2" or "isal"
  uint32_t (*crc32)(absl::Span<const uint8_t> bytes, uint32_t before);
};

// Those that this processor and operating system can run, the fastest first;
// "isal" is always the last. Thread-safe.
absl::Span<const Crc32Implementation> Crc32Implementations();

}  // namespace hoist

#endif  // HOIST_CORE_HASH_CRC32_IMPLEMENTATIONS_H_
