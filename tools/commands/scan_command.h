#ifndef HOIST_TOOLS_COMMANDS_SCAN_COMMAND_H_
#define HOIST_TOOLS_COMMANDS_SCAN_COMMAND_H_

#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "hoist/checkpoint/scan/scan_report.h"
#include "hoist/tools/commands/command_context.h"

namespace hoist {

struct ScanArguments {
  std::vector<std::string> paths;  // files, or folders with all that is in them
  bool json = false;
  bool strict = false;
  bool all = false;
};

// Adds `scan` to `app`; what the user writes goes to `arguments`, which has to
// outlive the parsing.
CLI::App* AddScanCommand(CLI::App& app, ScanArguments& arguments);

// Shows what the pickles in files would import, and returns the worst verdict.
// What cannot be opened makes it incomplete, at least. An error only if there
// is nothing to scan.
absl::StatusOr<ScanVerdict> RunScan(const ScanArguments& arguments,
                                    const CommandContext& context);

}  // namespace hoist

#endif  // HOIST_TOOLS_COMMANDS_SCAN_COMMAND_H_
