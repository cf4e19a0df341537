#ifndef HOIST_TOOLS_COMMANDS_INSPECT_COMMAND_H_
#define HOIST_TOOLS_COMMANDS_INSPECT_COMMAND_H_

#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "hoist/tools/commands/command_context.h"

namespace hoist {

struct InspectArguments {
  std::string path;
  std::vector<std::string> names;  // patterns of SelectTensors(); none for all
  bool json = false;
  bool digests = false;
  bool values = false;
  bool manifest = false;
};

// Adds `inspect` to `app`; what the user writes goes to `arguments`, which has
// to outlive the parsing.
CLI::App* AddInspectCommand(CLI::App& app, InspectArguments& arguments);

// Shows what a checkpoint holds, without reading its tensors (save for their
// digests, and of values those that are shown). Writes to context.out only if
// all went well; values as text are written tensor by tensor.
absl::Status RunInspect(const InspectArguments& arguments,
                        const CommandContext& context);

}  // namespace hoist

#endif  // HOIST_TOOLS_COMMANDS_INSPECT_COMMAND_H_
