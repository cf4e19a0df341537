#include "hoist/cuda/device_info.h"

#include <cuda_runtime_api.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/cuda/testing/fake_cudart.h"

namespace hoist {
namespace {

using ::testing::_;
using ::testing::HasSubstr;

TEST(DeviceInfoTest, CountsDevices) {
  FakeCudart fake({.device_count = 3});
  HOIST_ASSERT_OK_AND_ASSIGN(const int count, DeviceCount());
  EXPECT_EQ(count, 3);
}

TEST(DeviceInfoTest, NoDeviceIsUnavailableWithAHint) {
  FakeCudart fake({.device_count = 0});
  const absl::Status status = DeviceCount().status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable,
                               "No CUDA device: no CUDA-capable device is "
                               "detected"));
  EXPECT_THAT(HintOf(status), HasSubstr("nvidia-smi"));
  EXPECT_THAT(HintOf(status), HasSubstr("--device=cpu"));
  EXPECT_EQ(cudaPeekAtLastError(), cudaSuccess);
  EXPECT_EQ(GetDeviceInfo(0).status(), status);
}

TEST(DeviceInfoTest, NoDriverIsUnavailableWithAHint) {
  FakeCudart fake;
  fake.FailCall("cudaGetDeviceCount", 1, cudaErrorInsufficientDriver);
  const absl::Status status = DeviceCount().status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable,
                               HasSubstr("No CUDA device")));
  EXPECT_THAT(HintOf(status), HasSubstr("nvidia-smi"));
}

TEST(DeviceInfoTest, DescribesADevice) {
  FakeCudart fake({.device_count = 2, .total_bytes = 1000});
  ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
  void* data = nullptr;
  ASSERT_EQ(cudaMalloc(&data, 300), cudaSuccess);
  ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
  HOIST_ASSERT_OK_AND_ASSIGN(const DeviceInfo info, GetDeviceInfo(1));
  EXPECT_EQ(info.name, "Stand-in device");
  EXPECT_EQ(info.index, 1);
  EXPECT_EQ(info.total_bytes, 1000u);
  EXPECT_EQ(info.free_bytes, 700u);
  EXPECT_EQ(info.compute_major, 9);
  EXPECT_EQ(info.compute_minor, 0);
  int current = -1;
  ASSERT_EQ(cudaGetDevice(&current), cudaSuccess);
  EXPECT_EQ(current, 0);
  EXPECT_EQ(cudaFree(data), cudaSuccess);
}

TEST(DeviceInfoTest, ADeviceThatIsNotThereIsUnavailable) {
  FakeCudart fake({.device_count = 2});
  EXPECT_THAT(GetDeviceInfo(2),
              StatusIs(absl::StatusCode::kUnavailable,
                       "cuda:2 is not there: this machine has 2 CUDA devices"));
  EXPECT_THAT(GetDeviceInfo(-1), StatusIs(absl::StatusCode::kUnavailable, _));
}

TEST(DeviceInfoTest, ReturnsTheErrorOfAnyCall) {
  for (const char* function : {"cudaGetDevice", "cudaGetDeviceProperties",
                               "cudaMemGetInfo", "cudaGetDeviceCount"}) {
    FakeCudart fake;
    fake.FailCall(function, 1, cudaErrorUnknown);
    EXPECT_FALSE(GetDeviceInfo(0).ok()) << function;
  }
}

}  // namespace
}  // namespace hoist
