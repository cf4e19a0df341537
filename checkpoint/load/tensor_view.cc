#include "hoist/checkpoint/load/tensor_view.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/load/lazy_bits.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

absl::StatusOr<Tensor> MakeView(const TensorEntry& entry, uint64_t begin_bytes,
                                std::shared_ptr<Buffer> buffer) {
  HOIST_ASSIGN_OR_RETURN(const int64_t bytes, LogicalBytes(entry.spec));
  // Where a tensor has elements, ValidateCatalog() has seen that its offset in
  // bytes is a number; where it has none, its offset may be any.
  const int64_t offset =
      bytes == 0 ? 0
                 : entry.storage_offset * DTypeBits(entry.spec.dtype) / 8 -
                       static_cast<int64_t>(begin_bytes);
  HOIST_ASSIGN_OR_RETURN(Tensor tensor,
                         Tensor::Create(entry.spec, std::move(buffer), offset));
  if (!entry.is_conjugate && !entry.is_negative) {
    return tensor;
  }
  if (!tensor.device().is_cpu()) {
    return WithHint(
        absl::UnimplementedError("it was saved conjugated or negated lazily, "
                                 "which Hoist resolves on the CPU only"),
        "Load with --device=cpu, or save the tensor's resolve_conj()");
  }
  return ResolveLazyBits(tensor, entry.is_conjugate, entry.is_negative);
}

}  // namespace

absl::StatusOr<Tensor> TensorView(const TensorEntry& entry,
                                  uint64_t begin_bytes,
                                  std::shared_ptr<Buffer> buffer) {
  absl::StatusOr<Tensor> tensor =
      MakeView(entry, begin_bytes, std::move(buffer));
  if (!tensor.ok()) {
    return Annotate(tensor.status(), absl::StrCat("Tensor ", entry.name));
  }
  return tensor;
}

}  // namespace hoist
