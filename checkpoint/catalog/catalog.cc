#include "hoist/checkpoint/catalog/catalog.h"

#include "absl/strings/str_cat.h"
#include "hoist/core/base/checked_math.h"
#include "hoist/core/compress/inflate.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

absl::Status ValidateStorage(const StorageEntry& storage,
                             const std::vector<FileEntry>& files) {
  if (storage.file < 0 || storage.file >= static_cast<int>(files.size())) {
    return absl::DataLossError("it is in a file that is not there");
  }
  const FileEntry& file = files[storage.file];
  const auto end = CheckedAdd(storage.offset_bytes, storage.stored_bytes());
  if (!end || *end > file.size_bytes) {
    return absl::DataLossError(absl::StrCat(
        storage.stored_bytes(), " bytes at offset ", storage.offset_bytes,
        " do not lie inside the file's ", file.size_bytes, " bytes"));
  }
  // Otherwise a few bytes could ask for all memory.
  if (storage.deflated_bytes &&
      storage.size_bytes / kMaxInflateRatio > *storage.deflated_bytes) {
    return absl::DataLossError(absl::StrCat(*storage.deflated_bytes,
                                            " bytes cannot hold the ",
                                            storage.size_bytes, " recorded"));
  }
  if (storage.swap_bytes < 1 ||
      storage.size_bytes % static_cast<uint64_t>(storage.swap_bytes) != 0) {
    return absl::DataLossError(absl::StrCat(storage.size_bytes,
                                            " bytes are no whole number of ",
                                            storage.swap_bytes, "-byte units"));
  }
  return absl::OkStatus();
}

absl::Status ValidateTensor(const TensorEntry& tensor,
                            const std::vector<StorageEntry>& storages) {
  // Its size has to be representable, with data or without.
  HOIST_RETURN_IF_ERROR(LogicalBytes(tensor.spec).status());
  HOIST_ASSIGN_OR_RETURN(
      const int64_t required,
      RequiredStorageBytes(tensor.spec, tensor.storage_offset));
  if (!tensor.storage.has_value()) {
    return absl::OkStatus();
  }
  if (*tensor.storage < 0 ||
      *tensor.storage >= static_cast<int>(storages.size())) {
    return absl::DataLossError("its storage is not there");
  }
  const StorageEntry& storage = storages[*tensor.storage];
  if (static_cast<uint64_t>(required) > storage.size_bytes) {
    return absl::DataLossError(absl::StrCat(
        "shape ", ShapeString(tensor.spec.shape), " with strides ",
        ShapeString(tensor.spec.strides), " from element ",
        tensor.storage_offset, " of ", DTypeName(tensor.spec.dtype), " takes ",
        required, " bytes, and storage ", storage.name, " has ",
        storage.size_bytes));
  }
  return absl::OkStatus();
}

}  // namespace

absl::string_view FormatName(Format format) {
  switch (format) {
    case Format::kTorchZip:
      return "torch_zip";
    case Format::kTorchLegacy:
      return "torch_legacy";
    case Format::kTorchTar:
      return "torch_tar";
    case Format::kTorchScript:
      return "torch_script";
    case Format::kTorchPt2:
      return "torch_pt2";
    case Format::kPickle:
      return "pickle";
    case Format::kSafetensors:
      return "safetensors";
    case Format::kSafetensorsIndex:
      return "safetensors_index";
    case Format::kTorchIndex:
      return "torch_index";
  }
  return "";
}

absl::Status ValidateCatalog(const Catalog& catalog) {
  for (const StorageEntry& storage : catalog.storages) {
    if (absl::Status status = ValidateStorage(storage, catalog.files);
        !status.ok()) {
      return Annotate(status, absl::StrCat("Storage ", storage.name));
    }
  }
  for (const TensorEntry& tensor : catalog.tensors) {
    if (absl::Status status = ValidateTensor(tensor, catalog.storages);
        !status.ok()) {
      // A number of the file's is at fault, not the caller.
      return Annotate(absl::DataLossError(status.message()),
                      absl::StrCat("Tensor ", tensor.name));
    }
  }
  return absl::OkStatus();
}

}  // namespace hoist
