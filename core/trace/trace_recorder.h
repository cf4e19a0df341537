#ifndef HOIST_CORE_TRACE_TRACE_RECORDER_H_
#define HOIST_CORE_TRACE_TRACE_RECORDER_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "hoist/core/thread/mutex.h"

namespace hoist {

// Something that took time. Times are those of TraceRecorder::NowNs().
struct TraceSpanEvent {
  std::string name;
  std::string category;
  // Whose time it is: a thread's or a stream's. Of two spans in one lane that
  // overlap, one should contain the other.
  std::string lane;
  int64_t start_ns = 0;
  int64_t duration_ns = 0;
  uint64_t bytes = 0;  // 0 if it is not about bytes
};

// The value of a counter from a time on.
struct TraceCounterEvent {
  std::string name;
  int64_t time_ns = 0;
  int64_t value = 0;
};

struct TraceEvents {
  std::vector<TraceSpanEvent> spans;  // in the order in which they ended
  std::vector<TraceCounterEvent> counters;
  uint64_t dropped = 0;
};

// What happened when, for TraceJson(). Code that can be traced takes a pointer,
// which is null where nobody wants a trace. Meant for events that take
// microseconds, as reading a chunk does: adding one takes a lock and less than
// a microsecond. Thread-safe.
class TraceRecorder {
 public:
  // Time 0 is now. Holds up to `max_events`; those beyond it are counted only.
  explicit TraceRecorder(size_t max_events = size_t{1} << 20);
  TraceRecorder(const TraceRecorder&) = delete;
  TraceRecorder& operator=(const TraceRecorder&) = delete;

  // Nanoseconds since this object was made. Never falls.
  int64_t NowNs() const;

  // A span that has ended, such as one that a stream's events have timed.
  void AddSpan(TraceSpanEvent span);

  // `name` is `value` from now on.
  void AddCounter(absl::string_view name, int64_t value);

  // "thread 1" for the first thread that asks, and so on.
  std::string ThreadLane();

  // A copy of all so far.
  TraceEvents events() const;

 private:
  bool HasRoom() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const std::chrono::steady_clock::time_point start_;
  const size_t max_events_;
  mutable Mutex mu_;
  TraceEvents events_ ABSL_GUARDED_BY(mu_);
  std::map<std::thread::id, size_t> threads_ ABSL_GUARDED_BY(mu_);
};

}  // namespace hoist

#endif  // HOIST_CORE_TRACE_TRACE_RECORDER_H_
