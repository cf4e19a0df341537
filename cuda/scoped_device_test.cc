#include "hoist/cuda/scoped_device.h"

#include <cuda_runtime_api.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/cuda/testing/fake_cudart.h"

namespace hoist {
namespace {

using ::testing::_;
using ::testing::HasSubstr;

int CurrentDevice() {
  int device = -1;
  EXPECT_EQ(cudaGetDevice(&device), cudaSuccess);
  return device;
}

TEST(ScopedDeviceTest, SelectsADeviceForItsScope) {
  FakeCudart fake({.device_count = 3});
  ASSERT_EQ(cudaSetDevice(2), cudaSuccess);
  {
    ScopedDevice scope(1);
    HOIST_ASSERT_OK(scope.status());
    EXPECT_EQ(CurrentDevice(), 1);
  }
  EXPECT_EQ(CurrentDevice(), 2);
}

TEST(ScopedDeviceTest, DoesNotSelectTheCurrentDeviceAgain) {
  FakeCudart fake;
  ScopedDevice scope(0);
  HOIST_ASSERT_OK(scope.status());
  EXPECT_EQ(fake.CallCount("cudaSetDevice"), 0);
}

TEST(ScopedDeviceTest, Nests) {
  FakeCudart fake({.device_count = 2});
  ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
  {
    ScopedDevice outer(1);
    {
      ScopedDevice inner(0);
      EXPECT_EQ(CurrentDevice(), 0);
    }
    EXPECT_EQ(CurrentDevice(), 1);
  }
  EXPECT_EQ(CurrentDevice(), 0);
}

TEST(ScopedDeviceTest, CreatesNoContextOnADeviceThatNobodyUsed) {
  FakeCudart fake({.device_count = 2});
  {
    ScopedDevice scope(1);
    HOIST_ASSERT_OK(scope.status());
  }
  EXPECT_TRUE(fake.HasContext(1));
  EXPECT_FALSE(fake.HasContext(0));
}

TEST(ScopedDeviceTest, RestoresWhereTheDriverCannotBeAsked) {
  FakeCudart fake({.device_count = 2});
  fake.FailCall("cudaGetDriverEntryPointByVersion", 1, cudaErrorUnknown);
  { ScopedDevice scope(1); }
  EXPECT_EQ(CurrentDevice(), 0);
  fake.FailCall("cuDevicePrimaryCtxGetState", 1, cudaErrorUnknown);
  { ScopedDevice scope(1); }
  EXPECT_EQ(CurrentDevice(), 0);
  EXPECT_EQ(cudaPeekAtLastError(), cudaSuccess);
}

TEST(ScopedDeviceTest, RefusesADeviceThatIsNotThere) {
  FakeCudart fake({.device_count = 2});
  for (const int device : {2, -1}) {
    ScopedDevice scope(device);
    EXPECT_THAT(scope.status(), StatusIs(absl::StatusCode::kInvalidArgument,
                                         HasSubstr("Selecting")));
    EXPECT_EQ(CurrentDevice(), 0);
  }
  EXPECT_EQ(cudaPeekAtLastError(), cudaSuccess);
}

TEST(ScopedDeviceTest, WithoutADeviceIsUnavailable) {
  FakeCudart fake({.device_count = 0});
  ScopedDevice scope(0);
  EXPECT_THAT(scope.status(), StatusIs(absl::StatusCode::kUnavailable, _));
}

TEST(ScopedDeviceTest, AFailedRestoreLeavesNoLastError) {
  FakeCudart fake({.device_count = 2});
  ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
  fake.FailCall("cudaSetDevice", 2, cudaErrorUnknown);
  { ScopedDevice scope(1); }
  EXPECT_EQ(CurrentDevice(), 1);
  EXPECT_EQ(cudaPeekAtLastError(), cudaSuccess);
}

}  // namespace
}  // namespace hoist
