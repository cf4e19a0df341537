#ifndef HOIST_CHECKPOINT_FORMATS_SHARD_INDEX_SHARD_NUMBER_H_
#define HOIST_CHECKPOINT_FORMATS_SHARD_INDEX_SHARD_NUMBER_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace hoist {

// What the name of a shard says: "model-00002-of-00007.safetensors".
struct ShardNumber {
  uint64_t number = 0;  // 2
  uint64_t count = 0;   // 7
  std::string around;   // "model-*.safetensors"
};

// nullopt for a name that is not like that. Thread-safe.
std::optional<ShardNumber> ParseShardNumber(absl::string_view file);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_SHARD_INDEX_SHARD_NUMBER_H_
