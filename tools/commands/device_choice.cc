#include "hoist/tools/commands/device_choice.h"

#include "absl/strings/str_cat.h"
#include "hoist/core/status/annotate.h"

namespace hoist {
namespace {

absl::StatusOr<DeviceChoice> ChooseCuda(Device device,
                                        const CommandContext& context) {
  const absl::StatusOr<DeviceInfo> info = context.describe_device(device.index);
  if (!info.ok()) {
    // Where there is no GPU at all, the lower layer has said what to do.
    return WithHint(Annotate(info.status(), device.ToString()),
                    "--device=auto takes a GPU if there is one, and else the "
                    "CPU");
  }
  return DeviceChoice{
      .device = device,
      .description = absl::StrCat(device.ToString(), " (", info->name, ")")};
}

DeviceChoice ChooseAutomatically(const CommandContext& context) {
  const absl::StatusOr<int> count = context.count_devices();
  absl::Status problem = count.status();
  if (count.ok()) {
    absl::StatusOr<DeviceChoice> cuda = ChooseCuda(Device::Cuda(0), context);
    if (cuda.ok()) {
      if (*count > 1) {
        absl::StrAppend(&cuda->description, ", the first of ", *count, " GPUs");
      }
      return *cuda;
    }
    problem = cuda.status();
  }
  return {.device = Device::Cpu(),
          .description =
              absl::StrCat("cpu, as no GPU is usable: ", problem.message())};
}

}  // namespace

absl::StatusOr<DeviceChoice> ChooseDevice(absl::string_view argument,
                                          const CommandContext& context) {
  if (argument == "auto") {
    return ChooseAutomatically(context);
  }
  const absl::StatusOr<Device> device = ParseDevice(argument);
  if (!device.ok()) {
    return WithHint(Annotate(device.status(), "--device"),
                    "Use auto, cpu, cuda or cuda:N");
  }
  if (device->is_cpu()) {
    return DeviceChoice{.device = *device, .description = "cpu"};
  }
  return ChooseCuda(*device, context);
}

}  // namespace hoist
