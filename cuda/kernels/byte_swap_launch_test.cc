// The device version's host side over the stand-in, which runs no kernels.

#include <cuda_runtime_api.h>

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/cuda/device_buffer.h"
#include "hoist/cuda/kernels/byte_swap.h"
#include "hoist/cuda/stream.h"
#include "hoist/cuda/testing/fake_cudart.h"

namespace hoist {
namespace {

using ::testing::_;

TEST(ByteSwapLaunchTest, LaunchesOnItsDeviceAndReturnsTheError) {
  FakeCudart fake({.device_count = 2});
  ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
  HOIST_ASSERT_OK_AND_ASSIGN(const DeviceBuffer memory,
                             DeviceBuffer::Allocate(1, 64));
  HOIST_ASSERT_OK_AND_ASSIGN(const Stream stream, Stream::Create(1));
  for (const int size : {2, 4, 8}) {
    EXPECT_THAT(
        ByteSwapOnDevice(1, memory.data(), 64 / size, size, stream.get()),
        StatusIs(absl::StatusCode::kUnavailable,
                 ::testing::HasSubstr(
                     absl::StrCat("Byte-swapping ", 64 / size, " elements of ",
                                  size, " bytes on cuda:1 failed"))));
  }
  EXPECT_EQ(fake.CallCount("cudaLaunchKernel"), 3);
  EXPECT_EQ(cudaPeekAtLastError(), cudaSuccess);
  int device = -1;
  ASSERT_EQ(cudaGetDevice(&device), cudaSuccess);
  EXPECT_EQ(device, 0);
}

TEST(ByteSwapLaunchTest, NoElementsAndWrongArgumentsLaunchNothing) {
  FakeCudart fake;
  HOIST_ASSERT_OK_AND_ASSIGN(const DeviceBuffer memory,
                             DeviceBuffer::Allocate(0, 64));
  HOIST_ASSERT_OK_AND_ASSIGN(const Stream stream, Stream::Create(0));
  HOIST_EXPECT_OK(ByteSwapOnDevice(0, memory.data(), 0, 2, stream.get()));
  EXPECT_THAT(ByteSwapOnDevice(0, memory.data(), 1, 3, stream.get()),
              StatusIs(absl::StatusCode::kInvalidArgument, _));
  EXPECT_THAT(ByteSwapOnDevice(0, static_cast<uint8_t*>(memory.data()) + 1, 1,
                               2, stream.get()),
              StatusIs(absl::StatusCode::kInvalidArgument, _));
  EXPECT_EQ(fake.CallCount("cudaLaunchKernel"), 0);
}

}  // namespace
}  // namespace hoist
