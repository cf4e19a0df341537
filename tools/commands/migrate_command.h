#ifndef HOIST_TOOLS_COMMANDS_MIGRATE_COMMAND_H_
#define HOIST_TOOLS_COMMANDS_MIGRATE_COMMAND_H_

#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "hoist/tools/commands/command_context.h"

namespace hoist {

struct MigrateArguments {
  std::string in;
  std::string out;                 // empty: only with list, dry_run, in_place
  std::vector<std::string> rules;  // files, in the order they are applied
  bool reverse = false;
  bool producer = false;
  std::vector<std::string> steps;  // of the producer, by name: "NAME[=GLOB]"
  std::string to;                  // as ConvertArguments::to
  int format_version = 2;
  bool compress = false;
  bool list = false;
  bool dry_run = false;
  bool in_place = false;
  bool force = false;
  bool json = false;
  bool quiet = false;
  int threads = 0;  // 0: DefaultThreadCount()
};

// Adds `migrate` to `app`; what the user writes goes to `arguments`, which has
// to outlive the parsing.
CLI::App* AddMigrateCommand(CLI::App& app, MigrateArguments& arguments);

// Brings a checkpoint to another version, verified, and shows what has changed;
// or what would change; or lists what can be done. kInvalidArgument for options
// that do not go together, before anything is read; errors of reading,
// migrating and WriteVerified(); kCancelled if context.cancel is, with nothing
// left behind.
absl::Status RunMigrate(const MigrateArguments& arguments,
                        const CommandContext& context);

}  // namespace hoist

#endif  // HOIST_TOOLS_COMMANDS_MIGRATE_COMMAND_H_
