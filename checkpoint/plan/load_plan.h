#ifndef HOIST_CHECKPOINT_PLAN_LOAD_PLAN_H_
#define HOIST_CHECKPOINT_PLAN_LOAD_PLAN_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/plan/storage_cast.h"
#include "hoist/checkpoint/plan/storage_need.h"

namespace hoist {

// Which bytes are read in what order, and where they go: known before any of
// them is read. Pure data.
//
// The destination is an arena, in which storages lie in the order of the files.
// It is cut into cells of chunk_bytes; a chunk is what one read of one file
// brings into one cell: a part of a large storage, or many small storages with
// the small gaps that are between them in the file.
//
// Storages that are cast lie in the arena as they are after it; what is read of
// them goes elsewhere first. The bytes of needs and pieces are the file's.
struct LoadPlan {
  struct Storage {
    StorageNeed need;
    std::optional<StorageCast> cast;
    uint64_t arena_offset = 0;  // of need.begin_bytes
    uint64_t loaded_bytes = 0;  // what need.size_bytes are after the cast
    // It stays where its file is mapped, and takes no place in the arena.
    bool is_mapped = false;
  };
  // A part of a storage: whole elements, where it is cast; of one chunk, where
  // it has such.
  struct Piece {
    int storage = 0;            // index into LoadPlan::storages
    uint64_t offset_bytes = 0;  // from need.begin_bytes
    uint64_t size_bytes = 0;
  };
  struct Chunk {
    int file = 0;  // index into Catalog::files
    uint64_t file_offset = 0;
    uint64_t file_bytes = 0;    // to be read there, with the gaps
    uint64_t arena_offset = 0;  // of the first piece; not where it is mapped
    uint64_t arena_bytes = 0;   // up to the end of the last, with padding
    int first_piece = 0;        // index into LoadPlan::pieces
    int piece_count = 0;
    // Bytes of a deflated storage, which come out of one stream, together with
    // those of the chunks before that have the same storage.
    bool is_deflated = false;
    // One piece, which lies in one chunk of a storage that is encoded. Its
    // place in the file is where it would be if it were not.
    bool is_encoded = false;
    // All its pieces are of storages that are cast; else none is.
    bool is_cast = false;
  };
  // Bytes of a storage as it is loaded.
  struct Range {
    uint64_t offset_bytes = 0;
    uint64_t size_bytes = 0;
  };

  // What `piece` is of its storage in memory, after any cast: where that has
  // its place in the arena, the piece lies at arena_offset + offset_bytes.
  Range PlaceOf(const Piece& piece) const;

  std::vector<Storage> storages;
  std::vector<Piece> pieces;
  std::vector<Chunk> chunks;
  uint64_t arena_bytes = 0;
  uint64_t needed_bytes = 0;    // of storages
  uint64_t loaded_bytes = 0;    // of storages, after casts
  uint64_t read_bytes = 0;      // from files: with gaps, and compressed
  uint64_t max_read_bytes = 0;  // the largest file_bytes of a chunk
  uint64_t max_cast_bytes = 0;  // the largest of one that is cast
  // The largest chunk, decoded, of a storage that is encoded.
  uint64_t max_encoded_bytes = 0;
};

struct PlanOptions {
  // Size of a cell, and the most that a chunk has in the file: a multiple of
  // 64, so that no element is cut. Of a huge page.
  uint64_t chunk_bytes = uint64_t{2} << 20;
  // Where storages begin in the arena: multiples of this, at least 64.
  uint64_t alignment_bytes = 64;
  // Large storages lie in the arena as they do in the file to so many bytes,
  // where that keeps them aligned: what O_DIRECT can read into its place.
  uint64_t file_alignment_bytes = 4096;
  // By file: whether its storages are to stay where it is mapped. May be empty.
  std::vector<bool> mapped_files;
  // By storage of the catalog, of which needs are whole elements. May be empty.
  std::vector<std::optional<StorageCast>> casts;
};

// Gaps between storages that are read along rather than left out: a request
// costs more.
inline constexpr uint64_t kMaxGapBytes = uint64_t{64} << 10;

// Plans to bring `needs`, in their order, of a catalog that ValidateCatalog()
// accepts. kResourceExhausted for more bytes than there are addresses.
// Thread-safe.
absl::StatusOr<LoadPlan> MakeLoadPlan(const Catalog& catalog,
                                      absl::Span<const StorageNeed> needs,
                                      const PlanOptions& options);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_PLAN_LOAD_PLAN_H_
