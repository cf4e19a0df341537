#ifndef HOIST_CHECKPOINT_OPEN_DCP_H_
#define HOIST_CHECKPOINT_OPEN_DCP_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/formats/dcp/join_pieces.h"
#include "hoist/core/thread/thread_pool.h"

namespace hoist {

// The name of the file that says what is where in such a folder.
inline constexpr char kDcpMetadataName[] = ".metadata";

// Reads the structure of what torch.distributed.checkpoint has saved in the
// directory `folder`: by its `.metadata`; or, where there is none and no index
// either, by the headers of the safetensors files that its
// HuggingFaceStorageWriter names "shard-...". nullopt where there is no such
// thing. Links are followed; .distcp files that `.metadata` does not name
// become a warning. Errors as of ReadDcp() and ReadSafetensorsPieces(), with
// the folder. `pool` may be null. Blocks. Thread-safe.
absl::StatusOr<std::optional<PiecedCheckpoint>> OpenDcp(
    const std::string& folder, ThreadPool* pool);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_OPEN_DCP_H_
