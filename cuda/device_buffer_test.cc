#include "hoist/cuda/device_buffer.h"

#include <cuda_runtime_api.h>

#include <cstdint>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/cuda/testing/fake_cudart.h"

namespace hoist {
namespace {

using ::testing::_;
using ::testing::AllOf;
using ::testing::HasSubstr;

int CurrentDevice() {
  int device = -1;
  EXPECT_EQ(cudaGetDevice(&device), cudaSuccess);
  return device;
}

TEST(DeviceBufferTest, AllocatesOnItsDeviceAndFrees) {
  FakeCudart fake({.device_count = 2});
  ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
  {
    HOIST_ASSERT_OK_AND_ASSIGN(const DeviceBuffer buffer,
                               DeviceBuffer::Allocate(1, 100));
    EXPECT_EQ(buffer.size_bytes(), 100u);
    EXPECT_EQ(buffer.device(), 1);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % 256, 0u);
    EXPECT_EQ(fake.CopyFromDevice(buffer.data(), 100).size(), 100u);
    EXPECT_TRUE(fake.HasContext(1));
    EXPECT_EQ(CurrentDevice(), 0);
  }
  EXPECT_EQ(fake.CallCount("cudaFree"), 1);
  EXPECT_EQ(CurrentDevice(), 0);
}

TEST(DeviceBufferTest, SizeZeroIsEmpty) {
  FakeCudart fake;
  HOIST_ASSERT_OK_AND_ASSIGN(const DeviceBuffer buffer,
                             DeviceBuffer::Allocate(0, 0));
  EXPECT_EQ(buffer.data(), nullptr);
  EXPECT_EQ(buffer.size_bytes(), 0u);
  EXPECT_EQ(fake.CallCount("cudaMalloc"), 0);
}

TEST(DeviceBufferTest, MovingHandsOverTheMemory) {
  FakeCudart fake;
  HOIST_ASSERT_OK_AND_ASSIGN(DeviceBuffer a, DeviceBuffer::Allocate(0, 10));
  HOIST_ASSERT_OK_AND_ASSIGN(DeviceBuffer b, DeviceBuffer::Allocate(0, 20));
  void* const data = a.data();
  b = std::move(a);
  EXPECT_EQ(b.data(), data);
  EXPECT_EQ(b.size_bytes(), 10u);
  EXPECT_EQ(fake.CallCount("cudaFree"), 1);
  DeviceBuffer c = std::move(b);
  EXPECT_EQ(c.data(), data);
  EXPECT_EQ(fake.CallCount("cudaFree"), 1);
  c = DeviceBuffer();
  EXPECT_EQ(fake.CallCount("cudaFree"), 2);
  EXPECT_EQ(c.data(), nullptr);
}

TEST(DeviceBufferTest, TooLittleMemorySaysHowMuchThereIs) {
  FakeCudart fake({.device_count = 1, .total_bytes = 1000});
  HOIST_ASSERT_OK_AND_ASSIGN(const DeviceBuffer buffer,
                             DeviceBuffer::Allocate(0, 300));
  EXPECT_THAT(DeviceBuffer::Allocate(0, 701),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       AllOf(HasSubstr("Allocating 701 bytes on cuda:0"),
                             HasSubstr("700 of 1000 bytes are free"))));
  EXPECT_EQ(cudaPeekAtLastError(), cudaSuccess);
}

TEST(DeviceBufferTest, SaysWhatFailedWhereFreeMemoryIsUnknown) {
  FakeCudart fake;
  fake.FailCall("cudaMalloc", 1, cudaErrorMemoryAllocation);
  fake.FailCall("cudaMemGetInfo", 1, cudaErrorUnknown);
  EXPECT_THAT(DeviceBuffer::Allocate(0, 5),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("Allocating 5 bytes on cuda:0 failed")));
  EXPECT_EQ(cudaPeekAtLastError(), cudaSuccess);
}

TEST(DeviceBufferTest, NeedsADevice) {
  {
    FakeCudart fake({.device_count = 1});
    EXPECT_THAT(DeviceBuffer::Allocate(1, 5),
                StatusIs(absl::StatusCode::kInvalidArgument, _));
  }
  FakeCudart fake({.device_count = 0});
  EXPECT_THAT(DeviceBuffer::Allocate(0, 5),
              StatusIs(absl::StatusCode::kUnavailable, _));
}

TEST(DeviceBufferTest, AFailedFreeLeavesNoLastError) {
  FakeCudart fake;
  fake.FailCall("cudaFree", 1, cudaErrorUnknown);
  HOIST_ASSERT_OK(DeviceBuffer::Allocate(0, 5));
  EXPECT_EQ(fake.CallCount("cudaFree"), 1);
  EXPECT_EQ(cudaPeekAtLastError(), cudaSuccess);
}

}  // namespace
}  // namespace hoist
