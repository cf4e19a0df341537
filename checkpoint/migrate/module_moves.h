#ifndef HOIST_CHECKPOINT_MIGRATE_MODULE_MOVES_H_
#define HOIST_CHECKPOINT_MIGRATE_MODULE_MOVES_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"

namespace hoist {

// A key of a state dict, and what it is now; nullopt where it is gone.
struct KeyMove {
  std::string from;
  std::optional<std::string> to;
};

// Where modules go when the keys of a state dict change: parallel to `modules`,
// the paths that its `_metadata` has (without the last dot, "" for the root).
// A module goes where the keys inside it go, if they all say the same; one
// without keys goes with what it is in; one whose keys are all gone goes too
// (nullopt); one whose keys go to several places stays. `moves` has every key
// that was there, also those that stay. (specs: pytorch-formats.md 10.1)
// Thread-safe.
std::vector<std::optional<std::string>> MovedModules(
    absl::Span<const std::string> modules, absl::Span<const KeyMove> moves);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_MIGRATE_MODULE_MOVES_H_
