#ifndef HOIST_TOOLS_COMMANDS_PLAN_COMMAND_H_
#define HOIST_TOOLS_COMMANDS_PLAN_COMMAND_H_

#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "hoist/tools/commands/command_context.h"
#include "hoist/tools/commands/shard_arguments.h"

namespace hoist {

struct PlanArguments {
  std::string path;
  ShardArguments shard;
  bool json = false;
};

// Adds `plan` to `app`; what the user writes goes to `arguments`, which has to
// outlive the parsing.
CLI::App* AddPlanCommand(CLI::App& app, PlanArguments& arguments);

// Prints what each rank of many would read of a checkpoint, of which no payload
// is read. Errors of opening it, and of what cannot be divided.
absl::Status RunPlan(const PlanArguments& arguments,
                     const CommandContext& context);

}  // namespace hoist

#endif  // HOIST_TOOLS_COMMANDS_PLAN_COMMAND_H_
