#ifndef HOIST_CORE_COMPRESS_CHUNK_CODEC_H_
#define HOIST_CORE_COMPRESS_CHUNK_CODEC_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace hoist {

// How the bytes of a chunk are stored. The numbers are those of the native
// format (checkpoint/formats/native/FORMAT.md), and stay.
enum class ChunkEncoding : uint8_t {
  kRaw = 0,
  kZstd = 1,  // one frame of zstd (RFC 8878)
  // The planes of SplitFloatPlanes(): as many sizes of 4 bytes as planes, then
  // the planes. One that has its own size is raw, others are zstd frames.
  kFloatPlanes2 = 2,
  kFloatPlanes4 = 3,
  kFloatPlanes8 = 4,
};
inline constexpr uint8_t kChunkEncodingCount = 5;

// Bytes of a chunk at most, stored or not.
inline constexpr uint32_t kMaxEncodedChunkBytes = uint32_t{16} << 20;

// Encodes one chunk after the other. Thread-compatible.
class ChunkEncoder {
 public:
  ChunkEncoder();
  ~ChunkEncoder();
  ChunkEncoder(const ChunkEncoder&) = delete;
  ChunkEncoder& operator=(const ChunkEncoder&) = delete;

  struct Encoded {
    ChunkEncoding encoding = ChunkEncoding::kRaw;
    // The bytes to store; good until the next Encode(), and while the chunk is.
    absl::Span<const uint8_t> stored;
  };
  // The smallest that was found, if it saves 1/20 of the chunk at least, and
  // kRaw otherwise. `float_bytes` is the width of the floats that it consists
  // of, 0 if it does not. The same for the same bytes. kResourceExhausted
  // without memory, kInvalidArgument for more than kMaxEncodedChunkBytes.
  absl::StatusOr<Encoded> Encode(absl::Span<const uint8_t> chunk,
                                 int float_bytes);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Decodes one chunk after the other. Thread-compatible.
class ChunkDecoder {
 public:
  ChunkDecoder();
  ~ChunkDecoder();
  ChunkDecoder(const ChunkDecoder&) = delete;
  ChunkDecoder& operator=(const ChunkDecoder&) = delete;

  // Fills `chunk` with the bytes that `stored` was made of: kDataLoss if there
  // are not as many, or `stored` is damaged so that it shows.
  absl::Status Decode(ChunkEncoding encoding, absl::Span<const uint8_t> stored,
                      absl::Span<uint8_t> chunk);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace hoist

#endif  // HOIST_CORE_COMPRESS_CHUNK_CODEC_H_
