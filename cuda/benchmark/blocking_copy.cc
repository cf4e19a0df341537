#include "hoist/cuda/benchmark/blocking_copy.h"

#include <cuda_runtime_api.h>

#include "absl/strings/str_cat.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/cuda/cuda_status.h"
#include "hoist/cuda/scoped_device.h"
#include "hoist/cuda/stream.h"

namespace hoist {

absl::Status BlockingCopy(absl::Span<const uint8_t> source,
                          const DeviceBuffer& destination) {
  if (source.size() > destination.size_bytes()) {
    return absl::InvalidArgumentError(
        absl::StrCat("Copying ", source.size(), " bytes into ",
                     destination.size_bytes(), " of the device"));
  }
  const ScopedDevice scope(destination.device());
  HOIST_RETURN_IF_ERROR(scope.status());
  HOIST_ASSIGN_OR_RETURN(const Stream stream,
                         Stream::Create(destination.device()));
  HOIST_RETURN_IF_ERROR(
      ToStatus(cudaMemcpyAsync(destination.data(), source.data(), source.size(),
                               cudaMemcpyHostToDevice, stream.get()),
               "Copying to the device"));
  return ToStatus(cudaStreamSynchronize(stream.get()),
                  "Waiting for a copy to the device");
}

}  // namespace hoist
