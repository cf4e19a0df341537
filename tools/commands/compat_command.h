#ifndef HOIST_TOOLS_COMMANDS_COMPAT_COMMAND_H_
#define HOIST_TOOLS_COMMANDS_COMPAT_COMMAND_H_

#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "hoist/tools/commands/command_context.h"
#include "hoist/tools/ui/compat_view.h"

namespace hoist {

struct CompatArguments {
  std::string path;
  std::string against;  // a checkpoint, or a manifest
  std::string torch;    // a release
  std::string suggest;  // where the rules go; empty for nowhere
  bool force = false;
  bool json = false;
};

// Adds `compat` to `app`; what the user writes goes to `arguments`, which has
// to outlive the parsing.
CLI::App* AddCompatCommand(CLI::App& app, CompatArguments& arguments);

// Says whether a checkpoint fits another, or a release of PyTorch, without
// reading tensors, and writes the rules that make it fit where that is asked
// for. Errors of opening either; kInvalidArgument without anything to hold it
// against; kAlreadyExists for a file in the place of the rules.
absl::StatusOr<CompatVerdict> RunCompat(const CompatArguments& arguments,
                                        const CommandContext& context);

}  // namespace hoist

#endif  // HOIST_TOOLS_COMMANDS_COMPAT_COMMAND_H_
