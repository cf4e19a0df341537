#ifndef HOIST_TOOLS_COMMANDS_OUTPUT_FORMAT_H_
#define HOIST_TOOLS_COMMANDS_OUTPUT_FORMAT_H_

#include <optional>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "hoist/checkpoint/write/write_options.h"

namespace hoist {

// The format of --to, or else that which the end of the name `out` says;
// nullopt where neither does. Thread-safe, like all here.
std::optional<OutputFormat> OutputFormatOf(absl::string_view to,
                                           absl::string_view out);

// Adds --to to `command`.
void AddFormatOption(CLI::App& command, std::string& to);

// "native", "torch", "safetensors".
absl::string_view OutputFormatName(OutputFormat format);

}  // namespace hoist

#endif  // HOIST_TOOLS_COMMANDS_OUTPUT_FORMAT_H_
