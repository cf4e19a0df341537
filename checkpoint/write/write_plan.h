#ifndef HOIST_CHECKPOINT_WRITE_WRITE_PLAN_H_
#define HOIST_CHECKPOINT_WRITE_WRITE_PLAN_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"

namespace hoist {

// Bytes of a storage and their place in a file that is written.
struct StoragePlacement {
  int storage = 0;            // index into Catalog::storages
  uint64_t begin_bytes = 0;   // in the storage
  uint64_t size_bytes = 0;
  int file = 0;               // of those that are written
  uint64_t file_offset = 0;
};

// Which bytes of storages go where: pure data, made before any is read. A
// block is what one thread reads, checks and writes at once.
struct WritePlan {
  struct Piece {
    int placement = 0;          // index into placements
    uint64_t offset_bytes = 0;  // from the placement's begin
    uint64_t size_bytes = 0;
  };
  struct Block {
    int file = 0;
    uint64_t file_offset = 0;
    uint64_t file_bytes = 0;  // with the gaps between pieces, written as zeros
    int first_piece = 0;
    int piece_count = 0;
  };
  // Blocks that one thread writes one after the other: those of a storage that
  // can only be read from its start.
  struct Task {
    int first_block = 0;
    int block_count = 0;
  };

  std::vector<StoragePlacement> placements;
  std::vector<Piece> pieces;
  std::vector<Block> blocks;
  std::vector<Task> tasks;
  uint64_t bytes = 0;  // of all pieces
};

// Cuts `placements`, in the order of files and offsets and without overlaps,
// into blocks of `block_bytes` (a multiple of kDirectWriteAlignment) of each
// file, at multiples of it; pieces of a storage that is swapped are whole
// elements if placements are. Gaps of kMaxWrittenGapBytes and more between
// placements end a block. Thread-safe.
WritePlan MakeWritePlan(const Catalog& catalog,
                        std::vector<StoragePlacement> placements,
                        uint64_t block_bytes = uint64_t{4} << 20);

inline constexpr uint64_t kMaxWrittenGapBytes = 4096;

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_WRITE_WRITE_PLAN_H_
