#include "hoist/cuda/stream.h"

#include <cuda_runtime_api.h>

#include "absl/strings/str_cat.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/cuda/cuda_status.h"
#include "hoist/cuda/scoped_device.h"

namespace hoist {

absl::StatusOr<Stream> Stream::Create(int device) {
  ScopedDevice scope(device);
  HOIST_RETURN_IF_ERROR(scope.status());
  cudaStream_t stream = nullptr;
  HOIST_RETURN_IF_ERROR(
      ToStatus(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking),
               absl::StrCat("Creating a stream on cuda:", device)));
  return Stream(device, stream);
}

Stream::~Stream() {
  if (stream_ == nullptr) {
    return;
  }
  ScopedDevice scope(device_);
  if (cudaStreamDestroy(stream_) != cudaSuccess) {
    cudaGetLastError();
  }
}

}  // namespace hoist
