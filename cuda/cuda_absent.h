#ifndef HOIST_CUDA_CUDA_ABSENT_H_
#define HOIST_CUDA_CUDA_ABSENT_H_

#include "absl/status/status.h"
#include "hoist/core/status/annotate.h"

namespace hoist {

// What every function of cuda/ returns in a build without the CUDA toolkit:
// kUnavailable. Internal to cuda/.
inline absl::Status CudaAbsentError() {
  return WithHint(
      absl::UnavailableError("Hoist was built without CUDA"),
      "Use the CPU (--device=cpu), or build where the CUDA toolkit is, without "
      "--config=cpu");
}

}  // namespace hoist

#endif  // HOIST_CUDA_CUDA_ABSENT_H_
