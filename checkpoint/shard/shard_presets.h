#ifndef HOIST_CHECKPOINT_SHARD_SHARD_PRESETS_H_
#define HOIST_CHECKPOINT_SHARD_SHARD_PRESETS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "hoist/checkpoint/shard/shard_spec.h"

namespace hoist {

// Shard specs that are compiled in, as they are in presets/. Thread-safe.

// "gpt2", "llama", ...: sorted.
std::vector<std::string> ShardPresetNames();

// The JSON of one; empty if there is no such.
absl::string_view ShardPresetText(absl::string_view name);

// kNotFound, with the names there are as a hint.
absl::StatusOr<ShardSpec> ShardPreset(absl::string_view name);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_SHARD_SHARD_PRESETS_H_
