#ifndef HOIST_CUDA_EVENT_H_
#define HOIST_CUDA_EVENT_H_

#include <driver_types.h>

#include <utility>

#include "absl/status/statusor.h"

namespace hoist {

// Owns a CUDA event, for waits that sleep rather than spin: the waiting threads
// share their cores with those that read and verify. Internal to cuda/.
// Thread-compatible.
class Event {
 public:
  // As ToStatus(). Without timing, which costs, unless it `is_timed`.
  static absl::StatusOr<Event> Create(int device, bool is_timed = false);

  Event(Event&& other) noexcept
      : device_(other.device_), event_(std::exchange(other.event_, nullptr)) {}
  Event& operator=(Event&&) = delete;
  ~Event();

  cudaEvent_t get() const { return event_; }

 private:
  Event(int device, cudaEvent_t event) : device_(device), event_(event) {}

  int device_;
  cudaEvent_t event_;
};

}  // namespace hoist

#endif  // HOIST_CUDA_EVENT_H_
