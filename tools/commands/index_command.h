#ifndef HOIST_TOOLS_COMMANDS_INDEX_COMMAND_H_
#define HOIST_TOOLS_COMMANDS_INDEX_COMMAND_H_

#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "hoist/tools/commands/command_context.h"

namespace hoist {

struct IndexArguments {
  std::string path;
  bool dry_run = false;
  bool json = false;
};

// Adds `index`, and `rebuild` below it, to `app`; what the user writes goes to
// `arguments`, which has to outlive the parsing.
CLI::App* AddIndexCommand(CLI::App& app, IndexArguments& arguments);

// Writes the index of a checkpoint in several files anew, by their headers, and
// shows what has changed; with `dry_run` it only shows. Errors of
// PlanIndexRebuild() and WriteIndex().
absl::Status RunIndexRebuild(const IndexArguments& arguments,
                             const CommandContext& context);

}  // namespace hoist

#endif  // HOIST_TOOLS_COMMANDS_INDEX_COMMAND_H_
