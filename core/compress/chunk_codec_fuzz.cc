// Any bytes decode to what they say, or are refused; and what is encoded comes
// back.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "hoist/core/base/check.h"
#include "hoist/core/compress/chunk_codec.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) {
    return 0;
  }
  const auto encoding =
      static_cast<hoist::ChunkEncoding>(data[0] % hoist::kChunkEncodingCount);
  const size_t chunk_bytes = size_t{data[1]} * 16;
  const absl::Span<const uint8_t> bytes(data + 2, size - 2);
  hoist::ChunkDecoder decoder;
  std::vector<uint8_t> chunk(chunk_bytes);
  const absl::Status status =
      decoder.Decode(encoding, bytes, absl::MakeSpan(chunk));
  HOIST_CHECK(status.ok() || absl::IsDataLoss(status));

  hoist::ChunkEncoder encoder;
  const auto encoded = encoder.Encode(bytes, data[0] % 9);
  HOIST_CHECK(encoded.ok());
  std::vector<uint8_t> decoded(bytes.size());
  HOIST_CHECK(
      decoder
          .Decode(encoded->encoding, encoded->stored, absl::MakeSpan(decoded))
          .ok());
  HOIST_CHECK(std::equal(bytes.begin(), bytes.end(), decoded.begin()));
  return 0;
}
