#ifndef HOIST_TOOLS_COMMANDS_DEVICE_CHOICE_H_
#define HOIST_TOOLS_COMMANDS_DEVICE_CHOICE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "hoist/core/tensor/device.h"
#include "hoist/tools/commands/command_context.h"

namespace hoist {

struct DeviceChoice {
  Device device;
  // For people: "cuda:0 (NVIDIA H200)", "cpu, as no GPU is usable: ...".
  std::string description;
};

// The device that the argument of --device means here: "auto" is the first
// GPU if one can be used, and else the CPU. kInvalidArgument for what is no
// device; kUnavailable, with a hint, for one that this machine has not.
absl::StatusOr<DeviceChoice> ChooseDevice(absl::string_view argument,
                                          const CommandContext& context);

}  // namespace hoist

#endif  // HOIST_TOOLS_COMMANDS_DEVICE_CHOICE_H_
