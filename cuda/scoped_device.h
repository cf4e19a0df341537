#ifndef HOIST_CUDA_SCOPED_DEVICE_H_
#define HOIST_CUDA_SCOPED_DEVICE_H_

#include "absl/status/status.h"

namespace hoist {

// Makes `device` the calling thread's current CUDA device for a scope.
//
//   ScopedDevice scope(device);
//   HOIST_RETURN_IF_ERROR(scope.status());
//
// The destructor puts the previous device back, except one that this process
// has not used yet: to select it would create its context, half a gigabyte on
// a GPU that the thread never asked for (device 0, in every rank of a job).
// Internal to cuda/. One thread at a time, that of its scope.
class ScopedDevice {
 public:
  explicit ScopedDevice(int device);
  ~ScopedDevice();
  ScopedDevice(const ScopedDevice&) = delete;
  ScopedDevice& operator=(const ScopedDevice&) = delete;

  // As ToStatus(); kInvalidArgument if there is no such device.
  const absl::Status& status() const { return status_; }

 private:
  int previous_ = -1;  // to be restored, if not negative
  absl::Status status_;
};

}  // namespace hoist

#endif  // HOIST_CUDA_SCOPED_DEVICE_H_
