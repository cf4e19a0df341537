#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "hoist/core/base/check.h"
#include "hoist/core/compress/zstd.h"

namespace {

constexpr uint64_t kMaxBytes = uint64_t{1} << 20;
// libzstd is not instrumented: what it writes beyond the end, guards show.
constexpr size_t kGuardBytes = 64;
constexpr uint8_t kGuard = 0xa5;

// Ok if the frame holds exactly `size` bytes.
absl::Status Decompress(absl::Span<const uint8_t> frame, size_t size,
                        std::vector<uint8_t>& bytes) {
  bytes.assign(size + kGuardBytes, kGuard);
  const absl::Status status =
      hoist::ZstdDecompress(frame, absl::MakeSpan(bytes).first(size));
  HOIST_CHECK(std::all_of(bytes.begin() + static_cast<ptrdiff_t>(size),
                          bytes.end(),
                          [](uint8_t byte) { return byte == kGuard; }));
  bytes.resize(size);
  HOIST_CHECK(status.ok() || absl::IsDataLoss(status) ||
              absl::IsResourceExhausted(status));
  return status;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::Span<const uint8_t> frame(data, size);
  const std::optional<uint64_t> claimed = hoist::ZstdContentSize(frame);
  std::vector<uint8_t> bytes;
  const bool is_tried = claimed && *claimed <= kMaxBytes;
  // Where no size is recorded, the caller knows one.
  const size_t wanted =
      is_tried ? static_cast<size_t>(*claimed) : size % size_t{4096};
  if (Decompress(frame, wanted, bytes).ok()) {
    HOIST_CHECK(!claimed || *claimed == wanted);
    std::vector<uint8_t> again;
    HOIST_CHECK(Decompress(frame, wanted, again).ok());
    HOIST_CHECK(bytes == again);
    HOIST_CHECK(!Decompress(frame, wanted + 1, again).ok());
    HOIST_CHECK(wanted == 0 || !Decompress(frame, wanted - 1, again).ok());
    HOIST_CHECK(!Decompress(frame.first(size - 1), wanted, again).ok());
  }
  // What is compressed here comes back.
  const auto made = hoist::ZstdCompress(frame, 1);
  HOIST_CHECK(made.ok());
  HOIST_CHECK(hoist::ZstdContentSize(*made) == size);
  HOIST_CHECK(Decompress(*made, size, bytes).ok());
  HOIST_CHECK(frame == absl::MakeConstSpan(bytes));
  return 0;
}
