#include "hoist/checkpoint/write/read_tensor.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/ops/gather.h"
#include "hoist/core/tensor/tensor_spec.h"

namespace hoist {

absl::StatusOr<std::vector<uint8_t>> ReadTensor(StorageReader& reader,
                                                const TensorEntry& tensor) {
  const auto read = [&]() -> absl::StatusOr<std::vector<uint8_t>> {
    HOIST_ASSIGN_OR_RETURN(const int64_t size, LogicalBytes(tensor.spec));
    std::vector<uint8_t> elements(static_cast<size_t>(size));
    if (size == 0) {
      return elements;
    }
    HOIST_ASSIGN_OR_RETURN(const int64_t span,
                           RequiredStorageBytes(tensor.spec, 0));
    const auto begin = static_cast<uint64_t>(tensor.storage_offset) *
                       static_cast<uint64_t>(DTypeBits(tensor.spec.dtype)) / 8;
    if (IsContiguous(tensor.spec)) {
      HOIST_RETURN_IF_ERROR(
          reader.Read(*tensor.storage, begin, absl::MakeSpan(elements)));
      return elements;
    }
    std::vector<uint8_t> stored(static_cast<size_t>(span));
    HOIST_RETURN_IF_ERROR(
        reader.Read(*tensor.storage, begin, absl::MakeSpan(stored)));
    HOIST_RETURN_IF_ERROR(
        Gather(tensor.spec, stored, absl::MakeSpan(elements)));
    return elements;
  };
  auto elements = read();
  if (!elements.ok()) {
    return Annotate(elements.status(), absl::StrCat("Tensor ", tensor.name));
  }
  return elements;
}

}  // namespace hoist
