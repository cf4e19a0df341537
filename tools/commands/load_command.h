#ifndef HOIST_TOOLS_COMMANDS_LOAD_COMMAND_H_
#define HOIST_TOOLS_COMMANDS_LOAD_COMMAND_H_

#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "hoist/tools/commands/command_context.h"

namespace hoist {

struct LoadArguments {
  std::string path;  // empty: the sample
  std::string device = "auto";
  bool json = false;
  std::string io = "auto";
  std::string verify = "auto";
  bool strict = false;
  int threads = 0;  // 0: DefaultThreadCount()
};

// Adds `load` to `app`; what the user writes goes to `arguments`, which has to
// outlive the parsing.
CLI::App* AddLoadCommand(CLI::App& app, LoadArguments& arguments);

// Loads a checkpoint, and shows it and how the load went. A device that is not
// there is refused before the file is looked at. Writes to context.out only
// if all went well.
absl::Status RunLoad(const LoadArguments& arguments,
                     const CommandContext& context);

}  // namespace hoist

#endif  // HOIST_TOOLS_COMMANDS_LOAD_COMMAND_H_
