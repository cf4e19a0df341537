#ifndef HOIST_TOOLS_COMMANDS_HOIST_PROGRAM_H_
#define HOIST_TOOLS_COMMANDS_HOIST_PROGRAM_H_

#include <string>
#include <vector>

#include "hoist/tools/commands/command_context.h"

namespace hoist {

// Exit statuses of all programs.
inline constexpr int kExitDone = 0;
inline constexpr int kExitFound = 1;  // a check found what it looks for
inline constexpr int kExitError = 2;
// As a shell says of Ctrl-C; of other signals 128 and the number.
inline constexpr int kExitCancelled = 130;

// Runs `hoist` with `arguments`, the verb first; returns its exit status.
int RunHoist(const std::vector<std::string>& arguments,
             const CommandContext& context);

// The same as the main() of a program that was started as `argv0`.
int ProcessMain(const std::vector<std::string>& arguments,
                const std::string& argv0);

// The same for a program that is one verb: its main().
int VerbMain(const std::string& verb, int argc, char** argv);

}  // namespace hoist

#endif  // HOIST_TOOLS_COMMANDS_HOIST_PROGRAM_H_
