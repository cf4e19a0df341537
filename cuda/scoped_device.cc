#include "hoist/cuda/scoped_device.h"

#include <cuda_runtime_api.h>

#include "absl/strings/str_cat.h"
#include "hoist/cuda/cuda_status.h"

namespace hoist {
namespace {

// cuDevicePrimaryCtxGetState(CUdevice, unsigned* flags, int* active) of the
// driver, found at run time: nothing here links libcuda.
using PrimaryContextState = int (*)(int, unsigned*, int*);

bool HasContext(int device) {
  void* function = nullptr;
  cudaDriverEntryPointQueryResult found = cudaDriverEntryPointSymbolNotFound;
  if (cudaGetDriverEntryPointByVersion("cuDevicePrimaryCtxGetState", &function,
                                       12000, cudaEnableDefault,
                                       &found) != cudaSuccess ||
      found != cudaDriverEntryPointSuccess || function == nullptr) {
    cudaGetLastError();
    return true;
  }
  unsigned flags = 0;
  int active = 0;
  return reinterpret_cast<PrimaryContextState>(function)(device, &flags,
                                                         &active) != 0 ||
         active != 0;
}

}  // namespace

ScopedDevice::ScopedDevice(int device) {
  int current = -1;
  status_ = ToStatus(cudaGetDevice(&current), "Asking for the current device");
  if (!status_.ok() || current == device) {
    return;
  }
  status_ =
      ToStatus(cudaSetDevice(device), absl::StrCat("Selecting cuda:", device));
  if (status_.ok()) {
    previous_ = current;
  }
}

ScopedDevice::~ScopedDevice() {
  if (previous_ >= 0 && HasContext(previous_) &&
      cudaSetDevice(previous_) != cudaSuccess) {
    cudaGetLastError();
  }
}

}  // namespace hoist
