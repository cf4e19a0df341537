#ifndef HOIST_TOOLS_COMMANDS_VERIFY_COMMAND_H_
#define HOIST_TOOLS_COMMANDS_VERIFY_COMMAND_H_

#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "hoist/checkpoint/verify/verify_report.h"
#include "hoist/tools/commands/command_context.h"

namespace hoist {

struct VerifyArguments {
  std::string path;
  std::string level = "auto";
  std::string manifest;        // to check against; empty: none
  std::string write_manifest;  // to write; empty: none
  bool force = false;
  bool json = false;
  bool quiet = false;
  int threads = 0;  // 0: as many as there are CPUs
  std::string io = "auto";
  bool ceiling = false;
};

// Adds `verify` to `app`; what the user writes goes to `arguments`, which has
// to outlive the parsing.
CLI::App* AddVerifyCommand(CLI::App& app, VerifyArguments& arguments);

// Shows what is wrong with a checkpoint, and returns the verdict. Errors as of
// VerifyPath(), of the manifest, and kCancelled.
absl::StatusOr<VerifyVerdict> RunVerify(const VerifyArguments& arguments,
                                        const CommandContext& context);

}  // namespace hoist

#endif  // HOIST_TOOLS_COMMANDS_VERIFY_COMMAND_H_
