#include <algorithm>
#include <cstdint>

#include "absl/types/span.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/ops/gather.h"
#include "hoist/core/tensor/ops/strided_layout.h"
#include "hoist/cuda/kernels/check_aligned.h"
#include "hoist/cuda/kernels/gather.h"

namespace hoist {

absl::Status GatherOnDevice(int, const TensorSpec& spec, const void* source,
                            void* destination, CUstream_st*) {
  HOIST_ASSIGN_OR_RETURN(const StridedLayout layout, MakeStridedLayout(spec));
  const size_t alignment = std::min(layout.element_bytes, 8);
  HOIST_RETURN_IF_ERROR(CheckAligned(source, alignment));
  HOIST_RETURN_IF_ERROR(CheckAligned(destination, alignment));
  HOIST_ASSIGN_OR_RETURN(const int64_t needed, RequiredStorageBytes(spec, 0));
  HOIST_ASSIGN_OR_RETURN(const int64_t size, LogicalBytes(spec));
  return Gather(spec,
                absl::MakeSpan(static_cast<const uint8_t*>(source), needed),
                absl::MakeSpan(static_cast<uint8_t*>(destination), size));
}

}  // namespace hoist
