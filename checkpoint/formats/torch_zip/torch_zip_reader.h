#ifndef HOIST_CHECKPOINT_FORMATS_TORCH_ZIP_TORCH_ZIP_READER_H_
#define HOIST_CHECKPOINT_FORMATS_TORCH_ZIP_TORCH_ZIP_READER_H_

#include <optional>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/zip/zip_directory.h"
#include "hoist/core/io/random_access_file.h"
#include "hoist/core/thread/thread_pool.h"

namespace hoist {

// Reads what torch.save has written since PyTorch 1.6: a zip archive with a
// pickle and a member for each storage (spec: pytorch-formats.md 2 and 3).
// Reads the directory, the pickle and the members' headers, no payload; blocks.
// kUnimplemented for what else PyTorch keeps in zip archives (TorchScript,
// exported programs, packages) and for compressed members; kInvalidArgument for
// an archive that is none of PyTorch's; kDataLoss for a damaged one;
// kResourceExhausted for a pickle beyond PickleLimits. `pool`'s threads help,
// unless it is null; `directory` is the archive's, where it has been read
// already. Thread-safe.
absl::StatusOr<Catalog> ReadTorchZip(
    const RandomAccessFile& file, ThreadPool* pool = nullptr,
    std::optional<ZipDirectory> directory = std::nullopt);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_TORCH_ZIP_TORCH_ZIP_READER_H_
