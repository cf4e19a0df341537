#ifndef HOIST_CHECKPOINT_LOAD_LOAD_OPTIONS_H_
#define HOIST_CHECKPOINT_LOAD_LOAD_OPTIONS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "hoist/checkpoint/migrate/rename_rule.h"
#include "hoist/checkpoint/shard/rank_options.h"
#include "hoist/core/io/read_method.h"
#include "hoist/core/tensor/device.h"
#include "hoist/core/tensor/dtype.h"
#include "hoist/core/thread/cancel_token.h"
#include "hoist/core/thread/thread_pool.h"
#include "hoist/core/trace/trace_recorder.h"
#include "hoist/cuda/pinned_pool.h"

namespace hoist {

struct LoadOptions {
  // Where the tensors are to be.
  Device device = Device::Cpu();
  // Only tensors that one of these means (as SelectTensors() reads them);
  // empty: all.
  std::vector<std::string> select;
  // Not those that one of these means, whatever `select` says.
  std::vector<std::string> exclude;
  // Other names for the tensors, one rule after the other, once they are
  // selected. A rule that means none is kNotFound.
  std::vector<RenameRule> renames;
  // Of what is selected, only the part of one rank of many, by a spec whose
  // names are those in the file.
  std::optional<RankOptions> rank;
  // Tensors of floating-point dtypes of 16 bits or more become this one
  // (bfloat16, float16, float32 or float64; else kInvalidArgument), rounded to
  // nearest even as by Cast() of cast.h; all others stay as they are. So do,
  // with a warning, those that share a storage with tensors of another dtype.
  // The host's threads do it, before any upload. To wider numbers on a CUDA
  // device that device does it, so that the narrow ones are uploaded; but not
  // if `verify_on_device`, nor where this build has no code for it.
  std::optional<DType> dtype;
  // Threads to read and verify with; the caller's own works too. Null: only the
  // caller's. Not owned, and must outlive the call.
  ThreadPool* pool = nullptr;
  // Pinned memory to upload through, which a process makes once and keeps.
  // Null: the load pins what it needs, and unpins it at its end. Not owned.
  PinnedPool* pinned_pool = nullptr;
  // Compares bytes with the checksums that the file records. Damage goes
  // unnoticed without.
  bool verify_checksums = true;
  // After an upload, compares what is on the GPU with what was read. On the CPU
  // there is nothing to compare.
  bool verify_on_device = false;
  // Refuses a checkpoint that names what would be dangerous to unpickle with
  // Python (os.system, ...). Hoist itself runs nothing, whatever it names.
  bool refuse_dangerous = false;
  // How to read. Not given: what is fastest for where the bytes are now. With
  // kMmap, tensors on the CPU are the file's own pages where their alignment
  // allows: if the file is cut short while they are in use, touching them
  // raises SIGBUS.
  std::optional<ReadMethod> read_method;
  // Tensors on the CPU share one arena, which goes with the last of them; or
  // each storage has memory of its own, which goes with the last tensor of it.
  bool one_buffer_each = false;
  // The most host memory, in bytes, that the load may take, pinned memory
  // included. Not given: what the system and the container have left.
  std::optional<uint64_t> max_host_bytes;
  // Ends the load with kCancelled soon after it is cancelled. Not owned.
  const CancelToken* cancel = nullptr;
  // What happened when is recorded here. Null: nowhere. Not owned.
  TraceRecorder* trace = nullptr;
  // Called with the bytes that are in their place and those that will be, often
  // and from any thread of the load; it must be quick. May be empty.
  std::function<void(uint64_t done_bytes, uint64_t all_bytes)> on_progress;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_LOAD_LOAD_OPTIONS_H_
