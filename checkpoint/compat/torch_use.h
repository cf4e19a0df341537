#ifndef HOIST_CHECKPOINT_COMPAT_TORCH_USE_H_
#define HOIST_CHECKPOINT_COMPAT_TORCH_USE_H_

#include "absl/status/statusor.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/compat/torch_releases.h"

namespace hoist {

// What a checkpoint asks of who reads it: its catalog says most; the names that
// its pickles import, and their protocol, are read once more, without running
// anything, and without payload. Errors of reading. Blocks. Thread-safe.
absl::StatusOr<TorchUse> TorchUseOf(const Checkpoint& checkpoint);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_COMPAT_TORCH_USE_H_
