#include "hoist/cuda/cuda_status.h"

#include <cuda_runtime_api.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "hoist/core/status/annotate.h"

namespace hoist {
namespace {

absl::StatusCode CodeOf(cudaError_t error) {
  switch (error) {
    case cudaErrorMemoryAllocation:
    case cudaErrorLaunchOutOfResources:
      return absl::StatusCode::kResourceExhausted;
    case cudaErrorCompatNotSupportedOnDevice:
    case cudaErrorDeviceUninitialized:
    case cudaErrorDevicesUnavailable:
    case cudaErrorInitializationError:
    case cudaErrorInsufficientDriver:
    case cudaErrorNoDevice:
    case cudaErrorNoKernelImageForDevice:
    case cudaErrorStubLibrary:
    case cudaErrorSystemDriverMismatch:
    case cudaErrorSystemNotReady:
      return absl::StatusCode::kUnavailable;
    case cudaErrorInvalidDevice:
    case cudaErrorInvalidDevicePointer:
    case cudaErrorInvalidValue:
      return absl::StatusCode::kInvalidArgument;
    default:
      return absl::StatusCode::kInternal;
  }
}

}  // namespace

absl::Status ToStatus(cudaError_t error, absl::string_view what) {
  if (error == cudaSuccess) {
    return absl::OkStatus();
  }
  cudaGetLastError();
  return WithHintFor(
      error,
      absl::Status(CodeOf(error),
                   absl::StrCat(what, " failed: ", cudaGetErrorString(error),
                                " (", cudaGetErrorName(error), ")")));
}

absl::Status WithHintFor(cudaError_t error, const absl::Status& status) {
  if (error == cudaErrorNoKernelImageForDevice) {
    return WithHint(status,
                    "Build for this GPU too: --//third_party/cuda:archs names "
                    "the architectures, as sm_90");
  }
  if (CodeOf(error) == absl::StatusCode::kUnavailable) {
    return WithHint(status,
                    "Check that nvidia-smi lists a GPU and that "
                    "CUDA_VISIBLE_DEVICES does not hide it, or use the CPU "
                    "(--device=cpu)");
  }
  return status;
}

}  // namespace hoist
