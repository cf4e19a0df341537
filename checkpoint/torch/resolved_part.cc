#include "hoist/checkpoint/torch/resolved_part.h"

#include "hoist/checkpoint/load/tensor_view.h"
#include "hoist/checkpoint/torch/to_torch.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/buffer.h"
#include "hoist/core/tensor/tensor_spec.h"

namespace hoist::libtorch {

absl::StatusOr<at::Tensor> ResolvedPart(const TensorEntry& entry,
                                        const at::Tensor& part) {
  if (!entry.is_conjugate && !entry.is_negative) {
    return part;
  }
  TensorEntry view = entry;
  view.spec.shape = part.sizes().vec();
  view.spec.strides = part.strides().vec();
  view.storage_offset = 0;
  HOIST_ASSIGN_OR_RETURN(const int64_t bytes,
                         RequiredStorageBytes(view.spec, 0));
  HOIST_ASSIGN_OR_RETURN(
      const Tensor resolved,
      TensorView(view, 0,
                 Buffer::Wrap(part.data_ptr(), static_cast<size_t>(bytes),
                              Device::Cpu(), [] {})));
  return ToTorch(resolved);
}

}  // namespace hoist::libtorch
