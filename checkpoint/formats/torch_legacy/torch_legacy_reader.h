#ifndef HOIST_CHECKPOINT_FORMATS_TORCH_LEGACY_TORCH_LEGACY_READER_H_
#define HOIST_CHECKPOINT_FORMATS_TORCH_LEGACY_TORCH_LEGACY_READER_H_

#include "absl/status/statusor.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/pickle/torch_vocabulary.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// Reads what torch.save wrote from 0.1.11 to 1.5, and writes since with
// _use_new_zipfile_serialization=False: five pickles and the storages one after
// the other (spec: pytorch-formats.md 5). Reads the pickles and the size before
// each storage, no payload; blocks. A storage view becomes a StorageEntry of
// its own. What follows the checkpoint is left alone, with a warning.
// kInvalidArgument for another file; kUnimplemented for another version of the
// format or a storage class that is not known; kDataLoss for a damaged file;
// kResourceExhausted for pickles beyond 1 GiB or PickleLimits. Thread-safe.
absl::StatusOr<Catalog> ReadTorchLegacy(const RandomAccessFile& file);

// A storage that was saved by itself.
struct LegacyStorage {
  StorageEntry entry;      // of the file
  PickledStorage storage;  // its index is 0
};

// Reads a file of the same format whose object is one storage: what
// torch.storage._load_from_bytes() is given (spec: pytorch-formats.md 3.6,
// function 15). kUnimplemented for another object. Thread-safe.
absl::StatusOr<LegacyStorage> ReadLegacyStorage(const RandomAccessFile& file);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_TORCH_LEGACY_TORCH_LEGACY_READER_H_
