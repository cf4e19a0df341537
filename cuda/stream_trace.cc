#include "hoist/cuda/stream_trace.h"

#include <cuda_runtime_api.h>

#include "absl/strings/str_cat.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/cuda/cuda_status.h"
#include "hoist/cuda/scoped_device.h"

namespace hoist {

absl::StatusOr<StreamTrace> StreamTrace::Create(const Stream& stream,
                                                size_t count,
                                                TraceRecorder& trace) {
  const int device = stream.device();
  HOIST_ASSIGN_OR_RETURN(Event base, Event::Create(device, /*is_timed=*/true));
  const ScopedDevice scope(device);
  HOIST_RETURN_IF_ERROR(scope.status());
  // The stream has nothing to do, so that it is now.
  HOIST_RETURN_IF_ERROR(
      ToStatus(cudaEventRecord(base.get(), stream.get()),
               absl::StrCat("Beginning a trace of cuda:", device)));
  HOIST_RETURN_IF_ERROR(
      ToStatus(cudaStreamSynchronize(stream.get()),
               absl::StrCat("Beginning a trace of cuda:", device)));
  StreamTrace traced(stream, trace, std::move(base), trace.NowNs());
  for (size_t i = 0; i < count; ++i) {
    HOIST_ASSIGN_OR_RETURN(Event begin, Event::Create(device, true));
    HOIST_ASSIGN_OR_RETURN(Event end, Event::Create(device, true));
    traced.begins_.push_back(std::move(begin));
    traced.ends_.push_back(std::move(end));
  }
  return traced;
}

absl::Status StreamTrace::Begin(size_t work) const {
  return Record(begins_[work]);
}

absl::Status StreamTrace::End(size_t work) const { return Record(ends_[work]); }

absl::Status StreamTrace::Record(const Event& event) const {
  return ToStatus(cudaEventRecord(event.get(), stream_->get()),
                  absl::StrCat("Timing work of cuda:", stream_->device()));
}

void StreamTrace::Add(size_t work, uint64_t bytes) const {
  constexpr double kNsPerMs = 1e6;
  float begin_ms = 0;
  float work_ms = 0;
  if (cudaEventElapsedTime(&begin_ms, base_.get(), begins_[work].get()) !=
          cudaSuccess ||
      cudaEventElapsedTime(&work_ms, begins_[work].get(), ends_[work].get()) !=
          cudaSuccess) {
    // A trace is no reason to fail.
    cudaGetLastError();
    return;
  }
  trace_->AddSpan(
      {.name = "copy to the device",
       .category = "cuda",
       .lane = absl::StrCat("cuda:", stream_->device(), " stream"),
       .start_ns = base_ns_ + static_cast<int64_t>(begin_ms * kNsPerMs),
       .duration_ns = static_cast<int64_t>(work_ms * kNsPerMs),
       .bytes = bytes});
}

}  // namespace hoist
