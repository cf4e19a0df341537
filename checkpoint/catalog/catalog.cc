#include "hoist/checkpoint/catalog/catalog.h"

#include <bit>

#include "absl/strings/str_cat.h"
#include "hoist/core/base/checked_math.h"
#include "hoist/core/compress/inflate.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

// Whether the sizes and checksums of `chunk` are those of its encoding.
bool IsOfItsEncoding(const StorageChunk& chunk) {
  if (chunk.encoding == ChunkEncoding::kRaw) {
    return chunk.stored_bytes == chunk.size_bytes &&
           chunk.stored_crc32c == chunk.crc32c;
  }
  return static_cast<uint8_t>(chunk.encoding) < kChunkEncodingCount &&
         chunk.stored_bytes > 0 && chunk.stored_bytes < chunk.size_bytes &&
         chunk.size_bytes <= kMaxEncodedChunkBytes;
}

// Whether `chunk`, with which `left_bytes` of its storage begin, has the size
// that it should have; the first has `chunk_bytes`.
bool HasItsSize(const StorageChunk& chunk, uint32_t chunk_bytes,
                uint64_t left_bytes) {
  if (left_bytes > chunk_bytes) {
    return chunk.size_bytes == chunk_bytes && chunk_bytes >= kMinChunkBytes &&
           std::has_single_bit(chunk_bytes);
  }
  return chunk.size_bytes == left_bytes && chunk.size_bytes > 0;
}

absl::Status ValidateChunks(const StorageEntry& storage) {
  if (storage.chunks.empty() && !storage.encoded_bytes) {
    return absl::OkStatus();
  }
  uint64_t size_bytes = 0;
  uint64_t stored_bytes = 0;
  bool is_encoded = false;
  for (const StorageChunk& chunk : storage.chunks) {
    if (!HasItsSize(chunk, storage.chunks.front().size_bytes,
                    storage.size_bytes - size_bytes) ||
        !IsOfItsEncoding(chunk) ||
        chunk.offset_bytes != storage.offset_bytes + stored_bytes ||
        chunk.stored_bytes > storage.stored_bytes() - stored_bytes) {
      return absl::DataLossError(absl::StrCat(
          "its chunk at offset ", chunk.offset_bytes, ", ", chunk.size_bytes,
          " bytes as ", chunk.stored_bytes, ", is not what comes after ",
          size_bytes, " of ", storage.size_bytes));
    }
    size_bytes += chunk.size_bytes;
    stored_bytes += chunk.stored_bytes;
    is_encoded = is_encoded || chunk.encoding != ChunkEncoding::kRaw;
  }
  if (size_bytes != storage.size_bytes ||
      stored_bytes != storage.stored_bytes() ||
      is_encoded != storage.encoded_bytes.has_value() ||
      storage.deflated_bytes || storage.swap_bytes != 1) {
    return absl::DataLossError(absl::StrCat(
        "its chunks are ", size_bytes, " bytes as ", stored_bytes,
        ", and it has ", storage.size_bytes, " as ", storage.stored_bytes()));
  }
  return absl::OkStatus();
}

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
  return ValidateChunks(storage);
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
    case Format::kDcp:
      return "dcp";
    case Format::kHoist:
      return "hoist";
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

std::string TensorOver(const Catalog& catalog, int storage) {
  for (const TensorEntry& tensor : catalog.tensors) {
    if (tensor.storage == storage) {
      return absl::StrCat(" (tensor ", tensor.name, ")");
    }
  }
  return "";
}

}  // namespace hoist
