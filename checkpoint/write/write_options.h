#ifndef HOIST_CHECKPOINT_WRITE_WRITE_OPTIONS_H_
#define HOIST_CHECKPOINT_WRITE_WRITE_OPTIONS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "hoist/core/thread/cancel_token.h"
#include "hoist/core/thread/thread_pool.h"

namespace hoist {

enum class OutputFormat { kNative, kTorchZip, kSafetensors };

struct WriteOptions {
  OutputFormat format = OutputFormat::kNative;
  // Replaces what is at the path; else that is kAlreadyExists.
  bool overwrite = false;
  // More than so many bytes of tensors become a directory of several files; a
  // tensor is never cut. 0: one file. Of torch_zip it has to be 0.
  uint64_t max_shard_bytes = 0;
  // Of the native format: chunks are compressed where that saves enough.
  bool compress = false;
  // Of the native format: the version of the container, 1 or 2; 1 cannot
  // compress.
  int native_version = 2;
  // Joins what the catalog's metadata says; an equal key is replaced.
  std::vector<std::pair<std::string, std::string>> metadata;
  // Called with where the checkpoint is for now, when it is whole and on the
  // disk, and before anybody can see it: an error ends it, and nothing is
  // changed. May be empty.
  std::function<absl::Status(const std::string& path)> check;
  // Threads to read, encode and write with; the caller's own works too. Null:
  // only the caller's. At least 3, even of fewer CPUs, keep a fast disk busy:
  // some wait for it while others copy and make checksums. Not owned.
  ThreadPool* pool = nullptr;
  // Ends it with kCancelled soon after it is cancelled, with nothing left
  // behind. Not owned.
  const CancelToken* cancel = nullptr;
  // Called with the bytes of tensors that are written and those that will be,
  // often and from any thread; it must be quick. May be empty.
  std::function<void(uint64_t done_bytes, uint64_t all_bytes)> on_progress;
};

struct WriteReport {
  int64_t tensor_count = 0;
  uint64_t tensor_bytes = 0;       // of storages, each once, before compression
  uint64_t file_bytes = 0;         // of all files
  std::vector<std::string> files;  // paths as published
  int64_t time_ns = 0;             // until it was published
  // What the format could not keep, and what was done about it.
  std::vector<std::string> warnings;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_WRITE_WRITE_OPTIONS_H_
