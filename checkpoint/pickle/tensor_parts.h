#ifndef HOIST_CHECKPOINT_PICKLE_TENSOR_PARTS_H_
#define HOIST_CHECKPOINT_PICKLE_TENSOR_PARTS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/pickle/attribute_parts.h"
#include "hoist/checkpoint/pickle/pickle_parts.h"
#include "hoist/core/tensor/dtype.h"

namespace hoist {

// What a pickle of torch.save's says of a storage that is beside it.
struct PickledStorageName {
  std::string key;  // "0"
  // That of its class; of an untyped one none.
  std::optional<DType> dtype;
  uint64_t size_bytes = 0;
  // The bytes of the catalog's storage that come before it: whole elements of
  // all tensors over it.
  uint64_t skipped_bytes = 0;
  std::string location = "cpu";
};

// By the index of Catalog::storages; none for those that are not written.
using PickledStorageNames =
    absl::Span<const std::optional<PickledStorageName>>;

// Whether torch.save has a class of storages of that dtype; others are untyped,
// and each tensor over them says its dtype, which PyTorch 2.1 and later read.
// Thread-safe.
bool HasStorageClass(DType dtype);

// Whether it is one of the dtypes that a quantizer makes numbers of.
// Thread-safe.
bool IsQuantizedDType(DType dtype);

// Whether PyTorch saves storages of the device with that location; of others it
// saves tensors as ones on the CPU. Thread-safe.
bool HasDeviceStorages(absl::string_view location);

// The call that makes a tensor of PyTorch's, as torch.save pickles it (specs:
// pytorch-formats.md 3.6). The tensor is an entry of `catalog`, its storage has
// a name. kInvalidArgument for what PyTorch cannot make. Thread-safe for
// different `parts`.
absl::Status AddTensor(Value tensor, const Catalog& catalog,
                       PickledStorageNames storages, PickleParts& parts);

// A storage by itself, which has a name.
void AddStorage(const PickledStorageName& storage, PickleParts& parts);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_PICKLE_TENSOR_PARTS_H_
