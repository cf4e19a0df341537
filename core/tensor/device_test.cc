#include "hoist/core/tensor/device.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::HasSubstr;

TEST(DeviceTest, ParsesWhatItPrints) {
  for (const Device device :
       {Device::Cpu(), Device::Cuda(0), Device::Cuda(12)}) {
    HOIST_ASSERT_OK_AND_ASSIGN(const Device parsed,
                               ParseDevice(device.ToString()));
    EXPECT_EQ(parsed, device);
  }
  EXPECT_EQ(*ParseDevice("cuda"), Device::Cuda(0));
}

TEST(DeviceTest, RefusesOtherText) {
  for (const char* text : {"", "gpu", "cuda:", "cuda:-1", "cuda:1x", "CPU",
                           "cuda:99999999999", "cpu:0", "cuda: 1"}) {
    EXPECT_THAT(ParseDevice(text),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(text)));
  }
}

}  // namespace
}  // namespace hoist
