#include "hoist/cuda/event.h"

#include <cuda_runtime_api.h>

#include "absl/strings/str_cat.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/cuda/cuda_status.h"
#include "hoist/cuda/scoped_device.h"

namespace hoist {

absl::StatusOr<Event> Event::Create(int device, bool is_timed) {
  ScopedDevice scope(device);
  HOIST_RETURN_IF_ERROR(scope.status());
  cudaEvent_t event = nullptr;
  const unsigned timing = is_timed ? 0 : cudaEventDisableTiming;
  HOIST_RETURN_IF_ERROR(
      ToStatus(cudaEventCreateWithFlags(&event, timing | cudaEventBlockingSync),
               absl::StrCat("Creating an event on cuda:", device)));
  return Event(device, event);
}

Event::~Event() {
  if (event_ == nullptr) {
    return;
  }
  ScopedDevice scope(device_);
  if (cudaEventDestroy(event_) != cudaSuccess) {
    cudaGetLastError();
  }
}

}  // namespace hoist
