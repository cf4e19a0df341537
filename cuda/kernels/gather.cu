#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/ops/strided_layout.h"
#include "hoist/cuda/kernels/check_aligned.h"
#include "hoist/cuda/kernels/gather.h"
#include "hoist/cuda/kernels/launch.h"

namespace hoist {
namespace {

struct Bytes16 {
  uint64_t halves[2];
};

template <typename T>
__global__ void GatherAll(StridedLayout layout, const void* source,
                          void* destination) {
  const auto count = static_cast<size_t>(layout.element_count);
  for (size_t i = FirstElement(); i < count; i += ElementStep()) {
    static_cast<T*>(destination)[i] = static_cast<const T*>(
        source)[StridedElement()(layout, static_cast<int64_t>(i))];
  }
}

using GatherKernel = void (*)(StridedLayout layout, const void* source,
                              void* destination);

GatherKernel FindKernel(int element_bytes) {
  switch (element_bytes) {
    case 1:
      return &GatherAll<uint8_t>;
    case 2:
      return &GatherAll<uint16_t>;
    case 4:
      return &GatherAll<uint32_t>;
    case 8:
      return &GatherAll<uint64_t>;
    default:
      return &GatherAll<Bytes16>;
  }
}

}  // namespace

absl::Status GatherOnDevice(int device, const TensorSpec& spec,
                            const void* source, void* destination,
                            CUstream_st* stream) {
  HOIST_ASSIGN_OR_RETURN(const StridedLayout layout, MakeStridedLayout(spec));
  const size_t alignment = std::min(layout.element_bytes, 8);
  HOIST_RETURN_IF_ERROR(CheckAligned(source, alignment));
  HOIST_RETURN_IF_ERROR(CheckAligned(destination, alignment));
  return Launch(device, stream,
                absl::StrCat("Gathering shape ", ShapeString(spec.shape),
                             " of ", DTypeName(spec.dtype)),
                static_cast<size_t>(layout.element_count),
                FindKernel(layout.element_bytes), layout, source, destination);
}

}  // namespace hoist
