#ifndef HOIST_CHECKPOINT_VERIFY_BYTE_RANGES_H_
#define HOIST_CHECKPOINT_VERIFY_BYTE_RANGES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "hoist/core/compress/chunk_codec.h"

namespace hoist {

// Bytes of a file that are read and held against one checksum: a storage, a
// chunk of one, a member of an archive.
struct ByteRange {
  int file = 0;  // index into Catalog::files
  uint64_t offset_bytes = 0;
  uint64_t size_bytes = 0;  // in the file
  // What they are decompressed, where they are raw deflate.
  std::optional<uint64_t> inflated_bytes;
  // Or a chunk that is to be decoded, and how many bytes that gives.
  ChunkEncoding encoding = ChunkEncoding::kRaw;
  uint32_t decoded_bytes = 0;
  // Of the bytes as they are decompressed and decoded; at most one of the two.
  std::optional<uint32_t> crc32;
  std::optional<uint32_t> crc32c;
  // Which storage they belong to, and where in it they begin; -1: none.
  int storage = -1;
  uint64_t storage_offset_bytes = 0;
  // How many bytes of it they are, where it is not what is read of them.
  std::optional<uint64_t> storage_bytes;
  std::string name;  // for messages

  bool has_checksum() const { return crc32 || crc32c; }
  bool is_encoded() const {
    return inflated_bytes || encoding != ChunkEncoding::kRaw;
  }
  // Bytes of the storage that it has.
  uint64_t content_bytes() const {
    return storage_bytes.value_or(inflated_bytes.value_or(size_bytes));
  }
};

// How ranges are read: in pieces of about `chunk_bytes`, each of which takes
// along what of other ranges lies close. Pure data.
struct RangePlan {
  // A part of a range, of those that are read as they are.
  struct Slice {
    int range = 0;
    uint64_t offset_bytes = 0;  // in the range; a multiple of kSliceAlignment
    uint64_t file_offset = 0;
    uint64_t size_bytes = 0;
  };
  struct Read {
    int file = 0;
    uint64_t file_offset = 0;
    uint64_t size_bytes = 0;
    int first_slice = 0;
    int slice_count = 0;
  };

  std::vector<Slice> slices;
  std::vector<Read> reads;  // in the order of files and offsets
  // All others: each is read from its start by one thread.
  std::vector<int> streams;
  uint64_t bytes = 0;  // of all ranges, in the files
  uint64_t max_read_bytes = 0;
};

// Slices of a range begin at multiples of this in it, so that no element of a
// tensor is cut.
inline constexpr uint64_t kSliceAlignment = 16;
// Gaps between ranges that are read along: a request costs more.
inline constexpr uint64_t kMaxRangeGapBytes = uint64_t{64} << 10;

// Ranges may lie over each other, in any order. `chunk_bytes` is at least
// kSliceAlignment. Thread-safe.
RangePlan PlanRangeReads(absl::Span<const ByteRange> ranges,
                         uint64_t chunk_bytes);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_VERIFY_BYTE_RANGES_H_
