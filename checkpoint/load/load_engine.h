#ifndef HOIST_CHECKPOINT_LOAD_LOAD_ENGINE_H_
#define HOIST_CHECKPOINT_LOAD_LOAD_ENGINE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/load/cast_numbers.h"
#include "hoist/checkpoint/load/chunk_destination.h"
#include "hoist/checkpoint/plan/load_plan.h"
#include "hoist/core/io/read_path.h"
#include "hoist/core/thread/cancel_token.h"
#include "hoist/core/thread/thread_pool.h"
#include "hoist/core/trace/trace_recorder.h"

namespace hoist {

// More threads than this, with their queues, gain nothing of any disk.
inline constexpr int kMaxEngineThreads = 64;

// What ExecutePlan() works with. All of it must outlive the call.
struct EngineInputs {
  const Catalog& catalog;
  const LoadPlan& plan;
  CatalogFiles files;  // deflated and encoded storages are read from them
  absl::Span<const std::unique_ptr<ReadPath>> paths;  // all others; by file
  ChunkDestination& destination;
  ThreadPool* pool = nullptr;  // null: only the caller's thread works
  // Of those threads and the caller's, at most so many work.
  int max_threads = kMaxEngineThreads;
  bool verify = true;
  const CancelToken* cancel = nullptr;  // may be null
  TraceRecorder* trace = nullptr;       // may be null
  // Called with the bytes, as the file has them, that are in their place so
  // far, by any thread; may be empty.
  std::function<void(uint64_t)> on_progress;
};

// How the threads spent their time, the mean over them: what is missing to the
// time on the clock, a thread had nothing left to do, and others had.
struct EngineTimes {
  int64_t read_ns = 0;
  int64_t verify_ns = 0;
  int64_t convert_ns = 0;
  int64_t place_ns = 0;   // waiting for the destination, and handing to it
  int64_t finish_ns = 0;  // when all were done, until all was on the device
};

struct EngineResult {
  EngineTimes times;
  // Parallel to LoadPlan::storages; empty if nothing was lost.
  std::vector<CastLosses> losses;
};

// How many threads work on `plan`: those of `pool`, which may be null, and the
// caller's, as far as there is work for them and at most `max_threads`.
int EngineThreads(const LoadPlan& plan, const ThreadPool* pool,
                  int max_threads = kMaxEngineThreads);

// How many reads of one queue are under way at most, with `thread_count`
// threads that have one each: enough for a disk to be busy, and few enough for
// their bounce buffers to be small.
int QueueDepth(int thread_count);

// Memory that each read under way takes for what is to be cast; 0 if nothing
// is.
uint64_t CastBytesOfRead(const LoadPlan& plan);

// Memory that each thread takes to decode chunks; 0 if none is encoded.
uint64_t DecodeBytesOfThread(const LoadPlan& plan);

// Brings every chunk of the plan into its destination; blocks until it is
// there. Each chunk is read by one thread, all those of a deflated storage by
// the same. Compares checksums where the catalog has them, of storages that are
// brought whole, if `verify`; then reverses byte order where that is asked for,
// and casts what the destination does not, before it gets them.
// Returns the first error: of reading, of the destination, kDataLoss with the
// storage's name for bytes that do not match their checksum or a file that was
// changed meanwhile, kCancelled.
absl::StatusOr<EngineResult> ExecutePlan(const EngineInputs& inputs);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_LOAD_LOAD_ENGINE_H_
