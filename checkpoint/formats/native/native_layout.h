#ifndef HOIST_CHECKPOINT_FORMATS_NATIVE_NATIVE_LAYOUT_H_
#define HOIST_CHECKPOINT_FORMATS_NATIVE_NATIVE_LAYOUT_H_

#include <array>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace hoist {

// The fixed parts of a file in Hoist's own format: FORMAT.md, "The header" and
// "The footer". Thread-safe, like all here.

// Its first bytes: none of text, none that another format begins with, and
// with both kinds of line end, which a transfer as text would change.
inline constexpr absl::string_view kNativeMagic = "\xF8HOIST\r\n\x1A\n";
inline constexpr size_t kNativeBlockBytes = 64;  // of header and footer
// What the parts of a file begin at multiples of.
inline constexpr uint64_t kNativeAlignment = 64;
// Where large storages begin, so that O_DIRECT reads them to their place; any
// gap is smaller.
inline constexpr uint64_t kNativePageBytes = 4096;
inline constexpr uint64_t kMaxNativeIndexBytes = uint64_t{1} << 31;
// Chunks of what is written; files may have others.
inline constexpr uint32_t kNativeChunkBytes = uint32_t{1} << 20;
// In a directory, the file that is written last.
inline constexpr absl::string_view kNativeIndexName = "index.hoist";
// The others are called so, with a number between: "shard-00001.hoist".
inline constexpr absl::string_view kNativeShardPrefix = "shard-";
inline constexpr absl::string_view kNativeSuffix = ".hoist";

// The lowest refuse flag: there may be chunks that are not raw.
inline constexpr uint32_t kNativeEncodedChunks = 1;

using NativeBlock = std::array<uint8_t, kNativeBlockBytes>;

struct NativeHeader {
  uint16_t version = 2;
  uint32_t ignore_flags = 0;
  uint32_t read_only_flags = 0;
  uint32_t refuse_flags = 0;
};

struct NativeFooter {
  uint64_t index_offset = 0;
  uint64_t index_bytes = 0;
  uint64_t file_bytes = 0;
  uint32_t index_crc32c = 0;
  uint32_t header_crc32c = 0;
};

NativeBlock EncodeNativeHeader(const NativeHeader& header);
NativeBlock EncodeNativeFooter(const NativeFooter& footer);

// The checksum at the end of a block, which is of all bytes before it.
uint32_t NativeBlockCrc32c(absl::Span<const uint8_t> block);

// kDataLoss for a block that is damaged or is none, kUnimplemented for a
// version or a feature that this Hoist cannot read.
absl::StatusOr<NativeHeader> DecodeNativeHeader(
    absl::Span<const uint8_t> block);

// kDataLoss for a block that is damaged or is none, or that does not say that
// the index ends where the block begins, and the file where it ends.
absl::StatusOr<NativeFooter> DecodeNativeFooter(absl::Span<const uint8_t> block,
                                                uint64_t file_bytes);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_NATIVE_NATIVE_LAYOUT_H_
