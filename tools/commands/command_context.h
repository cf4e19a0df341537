#ifndef HOIST_TOOLS_COMMANDS_COMMAND_CONTEXT_H_
#define HOIST_TOOLS_COMMANDS_COMMAND_CONTEXT_H_

#include <cstdint>
#include <functional>
#include <iostream>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "hoist/core/thread/cancel_token.h"
#include "hoist/cuda/device_info.h"
#include "hoist/tools/ui/progress_bar.h"
#include "hoist/tools/ui/terminal.h"

namespace hoist {

// What a command is given of the world around the program, so that tests can
// give it another.
struct CommandContext {
  std::ostream* out = &std::cout;  // results
  std::ostream* err = &std::cerr;  // all else
  Terminal out_terminal;
  Terminal err_terminal;
  // Where the user's relative paths start; empty for the process's own folder.
  std::string working_directory;
  // Path of the checkpoint that comes with the program.
  std::function<absl::StatusOr<std::string>()> find_sample;
  std::function<absl::StatusOr<int>()> count_devices = DeviceCount;
  std::function<absl::StatusOr<DeviceInfo>(int)> describe_device =
      GetDeviceInfo;
  // A variable of the environment; "" where there is none. May be empty.
  std::function<std::string(const char*)> environment;
  // The clock that progress is shown by.
  std::function<int64_t()> now_ns = SteadyNowNs;
  // Ends a load. Signals that would end the process cancel it while a load is
  // under way. Null: they end the process. Not owned.
  CancelToken* cancel = nullptr;
};

// `path` as the process has to open it.
std::string ResolvePath(const CommandContext& context, absl::string_view path);

}  // namespace hoist

#endif  // HOIST_TOOLS_COMMANDS_COMMAND_CONTEXT_H_
