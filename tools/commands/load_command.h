#ifndef HOIST_TOOLS_COMMANDS_LOAD_COMMAND_H_
#define HOIST_TOOLS_COMMANDS_LOAD_COMMAND_H_

#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "hoist/tools/commands/command_context.h"
#include "hoist/tools/commands/shard_arguments.h"

namespace hoist {

struct LoadArguments {
  std::string path;  // empty: the sample
  std::string device = "auto";
  std::vector<std::string> select;   // patterns of SelectTensors()
  std::vector<std::string> exclude;  // the same
  std::vector<std::string> rename;   // of RenameRule::Parse()
  ShardArguments shard;
  bool dry_run = false;
  bool json = false;
  bool quiet = false;
  std::string dtype;  // of DTypeFromName(); empty: as in the file
  std::string io = "auto";
  std::string verify = "auto";
  bool strict = false;
  bool ceiling = false;
  int threads = 0;           // 0: DefaultThreadCount()
  std::string max_host_mem;  // of ParseBytes(); empty: what is there
  std::string trace;         // path; empty: none
};

enum class LoadOutcome {
  kDone,
  kDoesNotFit,  // what a dry run found
};

// Adds `load` to `app`; what the user writes goes to `arguments`, which has to
// outlive the parsing.
CLI::App* AddLoadCommand(CLI::App& app, LoadArguments& arguments);

// Loads a checkpoint, and shows it and how the load went; or, as a dry run,
// what the load would do. Mistakes in the arguments, a device that is not there
// and a trace that cannot be written are errors before the file is looked at.
// Progress goes to context.err. Writes to context.out only if all went well; a
// trace is also written of a load that fails. kCancelled if context.cancel is.
absl::StatusOr<LoadOutcome> RunLoad(const LoadArguments& arguments,
                                    const CommandContext& context);

}  // namespace hoist

#endif  // HOIST_TOOLS_COMMANDS_LOAD_COMMAND_H_
