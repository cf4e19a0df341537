#ifndef HOIST_TOOLS_COMMANDS_SHARD_ARGUMENTS_H_
#define HOIST_TOOLS_COMMANDS_SHARD_ARGUMENTS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "hoist/checkpoint/shard/rank_options.h"
#include "hoist/checkpoint/shard/shard_spec.h"
#include "hoist/tools/commands/command_context.h"

namespace hoist {

// How the user wants a checkpoint divided among ranks.
struct ShardArguments {
  std::string spec;  // a file or a preset; empty: none
  std::optional<int64_t> dim;
  std::optional<int> rank;
  std::optional<int> world_size;
  std::string max_gap;  // of ParseBytes(); empty: the default
};

// Adds --shard-spec, --shard-dim, --world-size and --slice-gap, and --rank if
// `has_rank`; `arguments` has to outlive the parsing.
void AddShardOptions(CLI::App& command, ShardArguments& arguments,
                     bool has_rank);

// Reads the file or finds the preset; nullopt if neither a spec nor a dimension
// was given. Errors name the file.
absl::StatusOr<std::optional<ShardSpec>> ShardSpecOf(
    const ShardArguments& arguments, const CommandContext& context);

// What rank is meant, where one is: by the flags, or by RANK and WORLD_SIZE of
// the environment. kInvalidArgument for flags that do not go together.
absl::StatusOr<std::optional<RankOptions>> RankOptionsOf(
    const ShardArguments& arguments, const CommandContext& context);

// Of --slice-gap.
absl::StatusOr<uint64_t> MaxGapOf(const ShardArguments& arguments);

}  // namespace hoist

#endif  // HOIST_TOOLS_COMMANDS_SHARD_ARGUMENTS_H_
