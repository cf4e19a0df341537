#ifndef HOIST_CHECKPOINT_FORMATS_DCP_SAFETENSORS_PIECES_H_
#define HOIST_CHECKPOINT_FORMATS_DCP_SAFETENSORS_PIECES_H_

#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/formats/dcp/join_pieces.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// Reads what torch.distributed.checkpoint's HuggingFaceStorageWriter has saved
// without putting it together: safetensors files, of which each has pieces of
// tensors, and says where they begin. (specs: pytorch-formats.md 12.6) `files`
// are all that belong to it. nullopt if the first says nothing of the kind, and
// so is of another format. Reads headers only; blocks.
//
// A tensor is as large as its pieces reach: no file says more. kDataLoss for
// pieces that overlap, leave something out, or are of several dtypes; errors
// of ReadSafetensors(), with the path. Thread-safe.
absl::StatusOr<std::optional<PiecedCheckpoint>> ReadSafetensorsPieces(
    absl::Span<const std::shared_ptr<const RandomAccessFile>> files);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_DCP_SAFETENSORS_PIECES_H_
