#ifndef HOIST_CUDA_STREAM_TRACE_H_
#define HOIST_CUDA_STREAM_TRACE_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "hoist/core/trace/trace_recorder.h"
#include "hoist/cuda/event.h"
#include "hoist/cuda/stream.h"

namespace hoist {

// Puts what is done on a stream into a trace, in a lane of its own
// ("cuda:0 stream"), as the device has timed it. Its device is the current one
// in all calls but Create(). Internal to cuda/. Thread-safe for different
// `work`.
class StreamTrace {
 public:
  // For `count` pieces of work at a time. Waits for the stream once. `stream`
  // and `trace` have to outlive it. Errors as ToStatus().
  static absl::StatusOr<StreamTrace> Create(const Stream& stream, size_t count,
                                            TraceRecorder& trace);

  // What is put on the stream between the two is `work`, less than `count`,
  // which was added before if it is not the first with that number.
  absl::Status Begin(size_t work) const;
  absl::Status End(size_t work) const;

  // Adds `work` to the trace, once it is over.
  void Add(size_t work, uint64_t bytes) const;

 private:
  StreamTrace(const Stream& stream, TraceRecorder& trace, Event base,
              int64_t base_ns)
      : stream_(&stream),
        trace_(&trace),
        base_(std::move(base)),
        base_ns_(base_ns) {}

  absl::Status Record(const Event& event) const;

  const Stream* stream_;
  TraceRecorder* trace_;
  Event base_;
  int64_t base_ns_;  // the trace's time when base_ was recorded
  std::vector<Event> begins_;
  std::vector<Event> ends_;
};

}  // namespace hoist

#endif  // HOIST_CUDA_STREAM_TRACE_H_
