#ifndef HOIST_CORE_COMPRESS_ZSTD_H_
#define HOIST_CORE_COMPRESS_ZSTD_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace hoist {

// One zstd frame at a time (RFC 8878). Thread-safe.

// Compresses `bytes` into a frame that records its size and a checksum.
// `level` as zstd's, 1 (fast) to 19.
absl::StatusOr<std::vector<uint8_t>> ZstdCompress(
    absl::Span<const uint8_t> bytes, int level);

// Decompresses one frame into exactly `out`. kDataLoss if the frame is damaged
// or holds another number of bytes, or is followed by more.
absl::Status ZstdDecompress(absl::Span<const uint8_t> frame,
                            absl::Span<uint8_t> out);

// The size that the frame starting with `head` says it decompresses to (18
// bytes of it are enough); nullopt if it is no frame, or does not say. A claim
// of the file, not to be allocated unchecked.
std::optional<uint64_t> ZstdContentSize(absl::Span<const uint8_t> head);

}  // namespace hoist

#endif  // HOIST_CORE_COMPRESS_ZSTD_H_
