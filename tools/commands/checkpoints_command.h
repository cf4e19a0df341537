#ifndef HOIST_TOOLS_COMMANDS_CHECKPOINTS_COMMAND_H_
#define HOIST_TOOLS_COMMANDS_CHECKPOINTS_COMMAND_H_

#include <cstdint>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "hoist/tools/commands/command_context.h"

namespace hoist {

struct CheckpointsArguments {
  std::string verb;  // "list", "latest", "best", "prune", "pin", ...
  std::string folder;
  bool json = false;
  std::string metric;
  bool higher_is_better = false;
  int64_t step = 0;       // of pin and unpin
  int64_t keep_last = 0;  // 0: no such rule
  int64_t keep_best = 0;
  int64_t every_steps = 0;
  double every_hours = 0;
  bool remove_damaged = false;
  bool dry_run = false;
  std::string level = "checksum";  // of verify
};

// Adds `checkpoints` to `app`; what the user writes goes to `arguments`, which
// has to outlive the parsing.
CLI::App* AddCheckpointsCommand(CLI::App& app, CheckpointsArguments& arguments);

enum class CheckpointsOutcome {
  kDone,
  kDamaged,     // `verify` has found damage
  kIncomplete,  // it has not, but could not look at all of them
};

// Lists, chooses, prunes, pins or verifies the checkpoints of a folder.
// kNotFound if there is none to choose; kInvalidArgument for rules that make
// no sense; kUnavailable while another process changes them.
absl::StatusOr<CheckpointsOutcome> RunCheckpoints(
    const CheckpointsArguments& arguments, const CommandContext& context);

}  // namespace hoist

#endif  // HOIST_TOOLS_COMMANDS_CHECKPOINTS_COMMAND_H_
