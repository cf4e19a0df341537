#ifndef HOIST_CHECKPOINT_FORMATS_TORCH_TAR_TORCH_TAR_READER_H_
#define HOIST_CHECKPOINT_FORMATS_TORCH_TAR_TORCH_TAR_READER_H_

#include "absl/status/statusor.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// Reads what torch.save wrote before 0.1.11: a tar archive with a pickle, and
// tensors and storages beside it (spec: pytorch-formats.md 6). Reads also what
// the first alpha releases wrote, and archives without the member "tensors".
// Reads all but the payload; blocks. A storage view becomes a StorageEntry of
// its own. kInvalidArgument for another tar archive; kUnimplemented for a
// storage class that is not known, and for files of big-endian machines;
// kDataLoss for a damaged one; kResourceExhausted for pickles beyond 1 GiB or
// PickleLimits. Thread-safe.
absl::StatusOr<Catalog> ReadTorchTar(const RandomAccessFile& file);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_TORCH_TAR_TORCH_TAR_READER_H_
