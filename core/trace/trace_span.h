#ifndef HOIST_CORE_TRACE_TRACE_SPAN_H_
#define HOIST_CORE_TRACE_TRACE_SPAN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "hoist/core/trace/trace_recorder.h"

namespace hoist {

// Records the time from here to the end of the scope, or nothing at all if
// `recorder` is null.
//
//   TraceSpan span(trace, "uploader", "copy chunk", chunk.size());
//
// Thread-compatible.
class TraceSpan {
 public:
  // An empty `lane` is that of the calling thread. The recorder must outlive
  // this object; the texts are copied.
  TraceSpan(TraceRecorder* recorder, absl::string_view lane,
            absl::string_view name, uint64_t bytes = 0,
            absl::string_view category = "load")
      : recorder_(recorder) {
    if (recorder != nullptr) {
      event_.emplace();
      event_->name = std::string(name);
      event_->category = std::string(category);
      event_->lane = lane.empty() ? recorder->ThreadLane() : std::string(lane);
      event_->bytes = bytes;
      event_->start_ns = recorder->NowNs();
    }
  }

  ~TraceSpan() {
    if (recorder_ != nullptr) {
      event_->duration_ns = recorder_->NowNs() - event_->start_ns;
      recorder_->AddSpan(*std::move(event_));
    }
  }

  TraceSpan(const TraceSpan&) = delete;
  TraceSpan& operator=(const TraceSpan&) = delete;

 private:
  TraceRecorder* const recorder_;
  std::optional<TraceSpanEvent> event_;
};

}  // namespace hoist

#endif  // HOIST_CORE_TRACE_TRACE_SPAN_H_
