#ifndef HOIST_CHECKPOINT_CONVERT_CONVERT_CHECKPOINT_H_
#define HOIST_CHECKPOINT_CONVERT_CONVERT_CHECKPOINT_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/migrate/checkpoint_parts.h"
#include "hoist/checkpoint/migrate/rename_rule.h"
#include "hoist/checkpoint/write/write_options.h"
#include "hoist/core/io/file_system.h"
#include "hoist/core/tensor/dtype.h"

namespace hoist {

// What of a checkpoint is to be written, and as what.
struct ConvertSelection {
  std::vector<std::string> include;  // as LoadOptions::select
  std::vector<std::string> exclude;
  std::vector<RenameRule> renames;  // one after the other
  // As LoadOptions::dtype, but of single tensors, whatever shares their
  // storage. kInvalidArgument for one that is no float16, bfloat16, float32 or
  // float64.
  std::optional<DType> dtype;
};

// The part of `checkpoint` that `selection` says: reads no payload; casts are
// made when it is read. Errors as of SelectTensors() and RenameTensors().
// Tensors of eight bits that have others with their scales are not cast, and a
// warning of the catalog says so. Thread-safe.
absl::StatusOr<CheckpointParts> SelectParts(const Checkpoint& checkpoint,
                                            const ConvertSelection& selection);

// WriteCheckpoint(), and before anybody can see what was written, all of it is
// read again and compared with `parts`, bit for bit; blocks for both.
// kDataLoss, and nothing changed, where it is not the same. `options.check` is
// not to be set.
absl::StatusOr<WriteReport> WriteVerified(const CheckpointParts& parts,
                                          FileSystem& file_system,
                                          const std::string& path,
                                          WriteOptions options);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_CONVERT_CONVERT_CHECKPOINT_H_
