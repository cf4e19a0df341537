#ifndef HOIST_TOOLS_COMMANDS_PROCESS_CONTEXT_H_
#define HOIST_TOOLS_COMMANDS_PROCESS_CONTEXT_H_

#include <string>

#include "hoist/tools/commands/command_context.h"

namespace hoist {

// The context of this process: its streams, terminal and environment. Under
// `bazel run` the user's folder is that in BUILD_WORKING_DIRECTORY. The sample
// is found among the runfiles of the program that was started as `argv0`.
CommandContext ProcessContext(const std::string& argv0);

}  // namespace hoist

#endif  // HOIST_TOOLS_COMMANDS_PROCESS_CONTEXT_H_
