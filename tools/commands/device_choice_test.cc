#include "hoist/tools/commands/device_choice.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::HasSubstr;

CommandContext WithDevices(int count) {
  const absl::Status none = WithHint(
      absl::UnavailableError("No CUDA device: no driver"), "Use --device=cpu");
  CommandContext context;
  context.count_devices = [=]() -> absl::StatusOr<int> {
    return count > 0 ? absl::StatusOr<int>(count) : none;
  };
  context.describe_device = [=](int index) -> absl::StatusOr<DeviceInfo> {
    if (count == 0) {
      return none;
    }
    if (index >= count) {
      return absl::UnavailableError(absl::StrCat(index, " is not there"));
    }
    return DeviceInfo{.name = "NVIDIA H200", .index = index};
  };
  return context;
}

TEST(ChooseDeviceTest, AutoTakesTheFirstGpu) {
  HOIST_ASSERT_OK_AND_ASSIGN(const auto one,
                             ChooseDevice("auto", WithDevices(1)));
  EXPECT_EQ(one.device, Device::Cuda(0));
  EXPECT_EQ(one.description, "cuda:0 (NVIDIA H200)");
  HOIST_ASSERT_OK_AND_ASSIGN(const auto eight,
                             ChooseDevice("auto", WithDevices(8)));
  EXPECT_EQ(eight.description, "cuda:0 (NVIDIA H200), the first of 8 GPUs");
}

TEST(ChooseDeviceTest, AutoSaysWhyItTakesTheCpu) {
  HOIST_ASSERT_OK_AND_ASSIGN(const auto choice,
                             ChooseDevice("auto", WithDevices(0)));
  EXPECT_EQ(choice.device, Device::Cpu());
  EXPECT_EQ(choice.description,
            "cpu, as no GPU is usable: No CUDA device: no driver");
}

TEST(ChooseDeviceTest, AutoTakesTheCpuWhereTheGpuFails) {
  CommandContext context = WithDevices(1);
  context.describe_device = [](int) -> absl::StatusOr<DeviceInfo> {
    return absl::ResourceExhaustedError("out of memory");
  };
  HOIST_ASSERT_OK_AND_ASSIGN(const auto choice, ChooseDevice("auto", context));
  EXPECT_EQ(choice.device, Device::Cpu());
  EXPECT_THAT(choice.description, HasSubstr("out of memory"));
}

TEST(ChooseDeviceTest, WhatIsAskedForIsTakenOrRefused) {
  EXPECT_EQ(ChooseDevice("cpu", WithDevices(8))->device, Device::Cpu());
  EXPECT_EQ(ChooseDevice("cuda:1", WithDevices(2))->device, Device::Cuda(1));
  EXPECT_EQ(ChooseDevice("cuda", WithDevices(2))->device, Device::Cuda(0));
  const absl::Status absent = ChooseDevice("cuda:0", WithDevices(0)).status();
  EXPECT_THAT(absent, StatusIs(absl::StatusCode::kUnavailable,
                               HasSubstr("cuda:0: No CUDA device")));
  EXPECT_EQ(HintOf(absent), "Use --device=cpu");
  EXPECT_THAT(
      ChooseDevice("cuda:2", WithDevices(2)).status(),
      StatusIs(absl::StatusCode::kUnavailable, HasSubstr("2 is not there")));
}

TEST(ChooseDeviceTest, RefusesWhatIsNoDevice) {
  const absl::Status status = ChooseDevice("gpu", WithDevices(1)).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                               HasSubstr("--device")));
  EXPECT_THAT(HintOf(status), HasSubstr("cuda:N"));
}

}  // namespace
}  // namespace hoist
