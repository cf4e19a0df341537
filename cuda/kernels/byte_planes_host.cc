#include "absl/types/span.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/ops/byte_planes.h"
#include "hoist/cuda/kernels/byte_planes.h"
#include "hoist/cuda/kernels/check_aligned.h"

namespace hoist {

absl::Status JoinBytePlanesOnDevice(int, const uint8_t* planes,
                                    int element_bytes, void* elements,
                                    size_t count, CUstream_st*) {
  HOIST_RETURN_IF_ERROR(CheckBytePlaneWidth(element_bytes));
  HOIST_RETURN_IF_ERROR(CheckAligned(elements, element_bytes));
  const size_t size = count * element_bytes;
  return JoinBytePlanes(absl::MakeSpan(planes, size), element_bytes,
                        absl::MakeSpan(static_cast<uint8_t*>(elements), size));
}

}  // namespace hoist
