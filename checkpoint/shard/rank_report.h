#ifndef HOIST_CHECKPOINT_SHARD_RANK_REPORT_H_
#define HOIST_CHECKPOINT_SHARD_RANK_REPORT_H_

#include <cstdint>
#include <string>
#include <vector>

namespace hoist {

// What one rank loads of a checkpoint.
struct RankReport {
  int rank = 0;
  int world_size = 1;
  int64_t whole_count = 0;   // tensors that it has all of
  int64_t part_count = 0;    // those it has a part of
  int64_t absent_count = 0;  // those that only other ranks have
  // Bytes of its tensors, each once; and what was read of files for them, with
  // gaps, compressed, and by whole chunks.
  uint64_t needed_bytes = 0;
  uint64_t read_bytes = 0;
  // Bytes of parts of storages whose checksum is one of all their bytes.
  uint64_t unverified_bytes = 0;
  // Why more is read than needed, and what else is to be said.
  std::vector<std::string> notes;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_SHARD_RANK_REPORT_H_
