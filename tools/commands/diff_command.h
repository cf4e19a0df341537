#ifndef HOIST_TOOLS_COMMANDS_DIFF_COMMAND_H_
#define HOIST_TOOLS_COMMANDS_DIFF_COMMAND_H_

#include <optional>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "hoist/tools/commands/command_context.h"

namespace hoist {

struct DiffArguments {
  std::string a;
  std::string b;
  bool structure = false;
  bool values = false;
  std::optional<double> rtol;
  std::optional<double> atol;
  bool tensors_only = false;
  bool read_all = false;
  bool json = false;
  bool quiet = false;
  int threads = 0;  // 0: DefaultThreadCount()
};

enum class DiffOutcome { kSame, kDifferent };

// Adds `diff` to `app`; what the user writes goes to `arguments`, which has to
// outlive the parsing.
CLI::App* AddDiffCommand(CLI::App& app, DiffArguments& arguments);

// Shows how a checkpoint differs from another; with `quiet`, nothing.
// kInvalidArgument for options that do not go together, before anything is
// read; errors of Checkpoint::Open() and DiffCheckpoints(); kCancelled.
absl::StatusOr<DiffOutcome> RunDiff(const DiffArguments& arguments,
                                    const CommandContext& context);

}  // namespace hoist

#endif  // HOIST_TOOLS_COMMANDS_DIFF_COMMAND_H_
