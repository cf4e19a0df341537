#ifndef HOIST_CUDA_CUDA_STATUS_H_
#define HOIST_CUDA_CUDA_STATUS_H_

#include <driver_types.h>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace hoist {

// Turns the result of a CUDA call into a Status: "`what` failed: <CUDA's text>
// (<CUDA's name>)". `what` is an action and its object, as in "Allocating 16
// bytes on cuda:0".
//
// Out of memory is kResourceExhausted; no driver, no device, or a device that
// cannot run this build is kUnavailable, with a hint; a wrong argument or
// device number is kInvalidArgument; anything else is kInternal. Clears the
// calling thread's last error, so that a later check of it does not find this
// one again. Internal to cuda/. Thread-safe.
absl::Status ToStatus(cudaError_t error, absl::string_view what);

// Attaches what the user can do about `error`, if anything (see WithHint()).
// Internal to cuda/. Thread-safe.
absl::Status WithHintFor(cudaError_t error, const absl::Status& status);

}  // namespace hoist

#endif  // HOIST_CUDA_CUDA_STATUS_H_
