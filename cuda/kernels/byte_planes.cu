#include "absl/strings/str_cat.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/ops/byte_plane_element.h"
#include "hoist/core/tensor/ops/byte_planes.h"
#include "hoist/cuda/kernels/byte_planes.h"
#include "hoist/cuda/kernels/check_aligned.h"
#include "hoist/cuda/kernels/launch.h"

namespace hoist {
namespace {

template <typename T>
__global__ void JoinAll(const uint8_t* planes, void* elements, size_t count) {
  for (size_t i = FirstElement(); i < count; i += ElementStep()) {
    static_cast<T*>(elements)[i] = BytePlaneElement<T>()(planes, count, i);
  }
}

}  // namespace

absl::Status JoinBytePlanesOnDevice(int device, const uint8_t* planes,
                                    int element_bytes, void* elements,
                                    size_t count, CUstream_st* stream) {
  HOIST_RETURN_IF_ERROR(CheckBytePlaneWidth(element_bytes));
  HOIST_RETURN_IF_ERROR(CheckAligned(elements, element_bytes));
  const auto kernel = element_bytes == 2   ? &JoinAll<uint16_t>
                      : element_bytes == 4 ? &JoinAll<uint32_t>
                                           : &JoinAll<uint64_t>;
  return Launch(device, stream,
                absl::StrCat("Joining ", count, " elements of ", element_bytes,
                             " byte planes"),
                count, kernel, planes, elements, count);
}

}  // namespace hoist
