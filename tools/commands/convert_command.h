#ifndef HOIST_TOOLS_COMMANDS_CONVERT_COMMAND_H_
#define HOIST_TOOLS_COMMANDS_CONVERT_COMMAND_H_

#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "hoist/tools/commands/command_context.h"

namespace hoist {

struct ConvertArguments {
  std::string in;
  std::string out;
  std::string to;     // "native", "torch", "safetensors"; empty: by `out`'s end
  std::string dtype;  // of DTypeFromName(); empty: as in the file
  std::vector<std::string> include;  // patterns of SelectTensors()
  std::vector<std::string> exclude;  // the same
  std::vector<std::string> rename;   // of RenameRule::Parse()
  std::string max_shard_size;        // of ParseBytes(); empty: one file
  bool compress = false;
  int format_version = 2;
  bool force = false;
  bool json = false;
  bool quiet = false;
  int threads = 0;  // 0: DefaultThreadCount()
};

// Adds `convert` to `app`; what the user writes goes to `arguments`, which has
// to outlive the parsing.
CLI::App* AddConvertCommand(CLI::App& app, ConvertArguments& arguments);

// Writes a checkpoint as another, verified, and shows what was written.
// kInvalidArgument for options that do not go together, before anything is
// read; errors of SelectParts() and WriteVerified(); kCancelled if
// context.cancel is, with nothing left behind.
absl::Status RunConvert(const ConvertArguments& arguments,
                        const CommandContext& context);

}  // namespace hoist

#endif  // HOIST_TOOLS_COMMANDS_CONVERT_COMMAND_H_
