#ifndef HOIST_CHECKPOINT_WRITE_EXECUTE_WRITE_H_
#define HOIST_CHECKPOINT_WRITE_EXECUTE_WRITE_H_

#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/write/storage_reader.h"
#include "hoist/checkpoint/write/write_plan.h"
#include "hoist/core/io/output_file.h"
#include "hoist/core/thread/cancel_token.h"
#include "hoist/core/thread/thread_pool.h"

namespace hoist {

// What ExecuteWrite() works with. All of it must outlive the call.
struct WriteInputs {
  const WritePlan& plan;
  StorageReader& reader;
  absl::Span<OutputFile* const> files;  // by WritePlan's numbers
  ThreadPool* pool = nullptr;           // null: only the caller's thread works
  const CancelToken* cancel = nullptr;  // may be null
  // Called with each piece's index and bytes, once, by any thread, before they
  // are written: for checksums. May be empty.
  std::function<void(int piece, absl::Span<const uint8_t> bytes)> on_piece;
  // Called with each block's index and bytes, once, by any thread, after
  // on_piece() for its pieces and before it is written: to fill the leads that
  // are in it, and which are zero then. May be empty.
  std::function<void(int block, absl::Span<uint8_t> bytes)> on_block;
  // Called with the bytes of storages that are written so far, by any thread;
  // may be empty.
  std::function<void(uint64_t done_bytes)> on_progress;
};

// Reads and writes every block of the plan; blocks. Holds memory for two blocks
// more than there are threads (for one, of one thread), such that their whole
// pages are written past the page cache. Of six threads four at most write at
// once. Does not sync the files, nor compare the reader's checksums. The first
// error of reading or writing, or kCancelled.
absl::Status ExecuteWrite(const WriteInputs& inputs);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_WRITE_EXECUTE_WRITE_H_
