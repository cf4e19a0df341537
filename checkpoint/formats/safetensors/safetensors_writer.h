#ifndef HOIST_CHECKPOINT_FORMATS_SAFETENSORS_SAFETENSORS_WRITER_H_
#define HOIST_CHECKPOINT_FORMATS_SAFETENSORS_SAFETENSORS_WRITER_H_

#include <string>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/write/write_options.h"
#include "hoist/core/io/file_system.h"

namespace hoist {

// Writes what safetensors reads (specs: pytorch-formats.md 11), as
// WriteCheckpoint() does: the tensors that a state dict would have, by name,
// contiguous, conjugated and negated where that was left to be done. More than
// options.max_shard_bytes of them become a directory at `path` with shards and
// the index that transformers reads, whose names begin as `path` does if that
// ends with ".safetensors", else with "model".
//
// The format has no aliases: a tensor that is the same view of the same storage
// as another is left out, and the metadata has its name and that of the one
// that stays, which is the first in the alphabet: as
// safetensors.torch.save_model() does, and load_model() reads. Other views are
// written each by itself.
//
// Of what is no tensor, text and numbers at the root become metadata, the rest
// is left out; both are warnings. Metadata has {"format": "pt"} unless it says
// otherwise. kInvalidArgument, with the name, for a dtype that the format has
// not.
absl::StatusOr<WriteReport> WriteSafetensors(const Catalog& catalog,
                                             CatalogFiles files,
                                             FileSystem& file_system,
                                             const std::string& path,
                                             const WriteOptions& options);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_SAFETENSORS_SAFETENSORS_WRITER_H_
