#include "hoist/core/trace/trace_recorder.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace hoist {

TraceRecorder::TraceRecorder(size_t max_events)
    : start_(std::chrono::steady_clock::now()), max_events_(max_events) {}

int64_t TraceRecorder::NowNs() const {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now() - start_)
      .count();
}

void TraceRecorder::AddSpan(TraceSpanEvent span) {
  MutexLock lock(&mu_);
  if (HasRoom()) {
    events_.spans.push_back(std::move(span));
  }
}

void TraceRecorder::AddCounter(absl::string_view name, int64_t value) {
  MutexLock lock(&mu_);
  if (HasRoom()) {
    // Under the lock, so that the last value is that of the last call.
    events_.counters.push_back({std::string(name), NowNs(), value});
  }
}

std::string TraceRecorder::ThreadLane() {
  MutexLock lock(&mu_);
  const auto [thread, is_new] =
      threads_.emplace(std::this_thread::get_id(), threads_.size() + 1);
  return absl::StrCat("thread ", thread->second);
}

TraceEvents TraceRecorder::events() const {
  MutexLock lock(&mu_);
  return events_;
}

bool TraceRecorder::HasRoom() {
  if (events_.spans.size() + events_.counters.size() < max_events_) {
    return true;
  }
  ++events_.dropped;
  return false;
}

}  // namespace hoist
