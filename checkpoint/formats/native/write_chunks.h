#ifndef HOIST_CHECKPOINT_FORMATS_NATIVE_WRITE_CHUNKS_H_
#define HOIST_CHECKPOINT_FORMATS_NATIVE_WRITE_CHUNKS_H_

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/formats/native/native_content.h"
#include "hoist/checkpoint/write/storage_reader.h"
#include "hoist/core/io/output_file.h"
#include "hoist/core/thread/cancel_token.h"
#include "hoist/core/thread/thread_pool.h"

namespace hoist {

// What the data of a file is written from. All of it must outlive the call.
struct ChunkInputs {
  const Catalog& source;  // that `reader` reads from
  StorageReader& reader;
  OutputFile& file;
  uint32_t chunk_bytes = 0;
  ThreadPool* pool = nullptr;           // null: only the caller's thread works
  const CancelToken* cancel = nullptr;  // may be null
  // Called with the bytes of storages that are written so far, by any thread;
  // may be empty.
  std::function<void(uint64_t done_bytes)> on_progress;
};

// Writes the storages of `content` behind the header, small ones first, and
// gives them their places and chunks; blocks. Returns where the data ends.
// Memory is a few chunks for each thread. The first error of reading or
// writing, or kCancelled.
absl::StatusOr<uint64_t> WriteRawChunks(const ChunkInputs& inputs,
                                        NativeContent& content);

// The same with each chunk encoded where that saves enough.
absl::StatusOr<uint64_t> WriteEncodedChunks(const ChunkInputs& inputs,
                                            NativeContent& content);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_NATIVE_WRITE_CHUNKS_H_
