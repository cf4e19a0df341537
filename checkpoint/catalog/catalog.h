#ifndef HOIST_CHECKPOINT_CATALOG_CATALOG_H_
#define HOIST_CHECKPOINT_CATALOG_CATALOG_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/value.h"
#include "hoist/core/compress/chunk_codec.h"
#include "hoist/core/io/random_access_file.h"
#include "hoist/core/tensor/tensor_spec.h"

namespace hoist {

enum class Format {
  kTorchZip,     // torch.save since PyTorch 1.6
  kTorchLegacy,  // torch.save before that
  kTorchTar,     // torch.save before 0.1.11
  kTorchScript,  // torch.jit.save, C++'s torch::save
  kTorchPt2,     // torch.export.save
  kPickle,       // a bare pickle
  kSafetensors,
  // Several files of one, which their names or an index put together.
  kSafetensorsIndex,
  kTorchIndex,
  kDcp,    // a folder of torch.distributed.checkpoint
  kHoist,  // Hoist's own
};

// "torch_zip", "torch_legacy", "torch_tar", "torch_script", "torch_pt2",
// "pickle", "safetensors", "safetensors_index", "torch_index", "dcp", "hoist".
absl::string_view FormatName(Format format);

// A part of a storage that is read, checked and decoded by itself.
struct StorageChunk {
  uint64_t offset_bytes = 0;   // in the file
  uint32_t stored_bytes = 0;   // there
  uint32_t size_bytes = 0;     // of the storage
  uint32_t stored_crc32c = 0;  // of the bytes as they are in the file
  uint32_t crc32c = 0;         // of the storage's
  ChunkEncoding encoding = ChunkEncoding::kRaw;
};

// Chunks are cut no smaller, so that no element lies in two.
inline constexpr uint32_t kMinChunkBytes = 4096;

// A run of bytes in a file that tensors are views of.
struct StorageEntry {
  int file = 0;  // index into Catalog::files
  uint64_t offset_bytes = 0;
  uint64_t size_bytes = 0;
  // How many bytes they are in the file, where they are compressed (raw
  // deflate, RFC 1951).
  std::optional<uint64_t> deflated_bytes;
  // CRC-32 of the bytes as they were before any compression, where the file
  // records one.
  std::optional<uint32_t> crc32;
  // All of the storage in the order of its bytes, one behind the other in the
  // file, each of the size of the first but for the last, which may be smaller;
  // that is a power of two, kMinChunkBytes at least. Empty for a format that
  // has none, and for an empty storage.
  std::vector<StorageChunk> chunks;
  // How many bytes they are in the file, where some are not kRaw.
  std::optional<uint64_t> encoded_bytes;

  // Bytes from offset_bytes on in the file.
  uint64_t stored_bytes() const {
    return deflated_bytes ? *deflated_bytes
                          : encoded_bytes.value_or(size_bytes);
  }
  // Whether they are other bytes there than the storage's.
  bool is_compressed() const { return deflated_bytes || encoded_bytes; }
  // Where the file has the other byte order: the width of the units whose bytes
  // are to be reversed. 1: nothing to do.
  int swap_bytes = 1;
  // The format's name for it ("data/3"), for messages.
  std::string name;
};

// A tensor as the checkpoint names it. Entries over one storage are aliases
// (tied weights, views), and stay so when they are loaded.
struct TensorEntry {
  // The keys from the root joined with "."; list and tuple positions in
  // decimal. "" is the root itself. Two entries may have one name.
  std::string name;
  TensorSpec spec;
  // Index into Catalog::storages; none for a tensor without data (on PyTorch's
  // "meta" device).
  std::optional<int> storage;
  int64_t storage_offset = 0;  // in elements
  // The device it was saved from, by PyTorch's name: "cpu", "cuda:0".
  std::string location = "cpu";
  bool requires_grad = false;
  bool is_parameter = false;  // a torch.nn.Parameter
  bool is_persistent =
      true;  // false for a buffer that no state dict would have
  // The elements are to be conjugated, or negated, to get the tensor's: torch
  // does so lazily, and saves them as they are.
  bool is_conjugate = false;
  bool is_negative = false;
};

struct FileEntry {
  std::string path;
  uint64_t size_bytes = 0;
  // Set for what is no file by itself: bytes that were in a pickle, and which
  // its reader has taken out of it; a tensor whose pieces lie in other files.
  std::shared_ptr<const RandomAccessFile> content;
};

// What a checkpoint holds, read without its payload. Constant once made, and
// thread-safe then.
struct Catalog {
  Format format = Format::kTorchZip;
  std::string format_version;  // "3"; empty if the format has none
  std::string producer;        // who wrote it, as far as it says; may be empty
  std::vector<FileEntry> files;
  std::vector<StorageEntry> storages;
  // In the order of the file, depth first.
  std::vector<TensorEntry> tensors;
  // All else: `root` is what torch.load would return.
  std::shared_ptr<const ValueGraph> values;
  ValueId root_id = ValueGraph::kNoneId;
  // What the format says of the file itself, in its order.
  std::vector<std::pair<std::string, std::string>> metadata;
  std::vector<std::string> warnings;

  Value root() const { return Value(values.get(), root_id); }
};

// The open files of a catalog, parallel to Catalog::files.
using CatalogFiles = absl::Span<const std::shared_ptr<const RandomAccessFile>>;

// Whether what readers promise holds: every storage lies inside its file, every
// tensor inside its storage, every index is one. kDataLoss with the name of the
// first that does not. Each reader ends with it, so no later code has to
// check again.
absl::Status ValidateCatalog(const Catalog& catalog);

// " (tensor NAME)", of the first over that storage, for messages; empty if
// there is none.
std::string TensorOver(const Catalog& catalog, int storage);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_CATALOG_CATALOG_H_
