#ifndef HOIST_CHECKPOINT_FORMATS_DCP_DCP_READER_H_
#define HOIST_CHECKPOINT_FORMATS_DCP_DCP_READER_H_

#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "hoist/checkpoint/formats/dcp/join_pieces.h"
#include "hoist/core/io/random_access_file.h"
#include "hoist/core/thread/thread_pool.h"

namespace hoist {

// Opens the file of that name in the checkpoint's folder.
using OpenInFolder =
    absl::FunctionRef<absl::StatusOr<std::shared_ptr<const RandomAccessFile>>(
        const std::string& name)>;

// Reads what torch.distributed.checkpoint has saved, by any number of
// processes: `metadata`, its `.metadata`, and of each piece of a tensor and
// each value that the files have the structure. (specs: pytorch-formats.md
// 12) No payload of tensors; blocks. Tensors have their flat names, values are
// nested as they were when they were saved.
//
// Errors are those of ParseDcpMetadata() and, with the name of the tensor and
// the place in the file, of ReadTorchZip(); kDataLoss for a file that is not
// there or too short, and for a piece that is not of the dtype and shape that
// the metadata say; kUnimplemented for what is compressed, and for pieces that
// are no plain tensors. `pool`'s threads help, unless it is null. Thread-safe
// if `open` is.
absl::StatusOr<PiecedCheckpoint> ReadDcp(const RandomAccessFile& metadata,
                                         OpenInFolder open, ThreadPool* pool);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_DCP_DCP_READER_H_
