#ifndef HOIST_CHECKPOINT_WRITE_WRITE_PLAN_H_
#define HOIST_CHECKPOINT_WRITE_WRITE_PLAN_H_

#include <cstdint>
#include <vector>

#include "hoist/checkpoint/catalog/catalog.h"

namespace hoist {

// Bytes of a storage, and their place in a file that is written.
struct StoragePlacement {
  int storage = 0;           // index into Catalog::storages
  uint64_t begin_bytes = 0;  // in the storage
  uint64_t size_bytes = 0;
  int file = 0;  // of those that are written
  uint64_t file_offset = 0;
  // So many bytes of the file right before them go along with them, and are
  // the writer's to fill: a header.
  uint64_t lead_bytes = 0;
};

// Which bytes of storages go where. Pure data, made before any is read.
struct WritePlan {
  struct Piece {
    int placement = 0;          // index into placements
    uint64_t offset_bytes = 0;  // from the placement's begin_bytes
    uint64_t size_bytes = 0;
  };
  // What one thread reads and writes at once: a part of a large storage, or
  // many small storages with what is between them.
  struct Block {
    int file = 0;
    uint64_t file_offset = 0;
    uint64_t file_bytes = 0;  // with leads, and gaps that become zeros
    int first_piece = 0;      // index into pieces
    int piece_count = 0;
  };
  // Blocks that one thread writes one after the other: those of storages that
  // can only be read from their start.
  struct Task {
    int first_block = 0;
    int block_count = 0;
  };

  std::vector<StoragePlacement> placements;
  std::vector<Piece> pieces;
  std::vector<Block> blocks;
  std::vector<Task> tasks;
  uint64_t bytes = 0;            // of all pieces
  uint64_t max_block_bytes = 0;  // the largest file_bytes of a block
};

// Gaps between placements that are written as zeros rather than left out: a
// call costs more.
inline constexpr uint64_t kMaxWrittenGapBytes = 4096;

// Cuts `placements`, which come in the order of files and offsets and do not
// overlap, into blocks that end at multiples of `block_bytes` of their file; a
// lead is not cut from the bytes behind it. `block_bytes` is a multiple of
// kDirectWriteAlignment; where the other byte order is to be reversed, sizes
// and places are of whole elements. Thread-safe.
WritePlan MakeWritePlan(const Catalog& catalog,
                        std::vector<StoragePlacement> placements,
                        uint64_t block_bytes = uint64_t{4} << 20);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_WRITE_WRITE_PLAN_H_
