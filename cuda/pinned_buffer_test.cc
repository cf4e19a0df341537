#include "hoist/cuda/pinned_buffer.h"

#include <cuda_runtime_api.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <limits>
#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/cuda/testing/fake_cudart.h"

namespace hoist {
namespace {

using ::testing::_;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// The "VmFlags" of the mapping that holds `address`, as the kernel shows them.
std::string FlagsOfMapping(const void* address) {
  std::ifstream smaps("/proc/self/smaps");
  bool inside = false;
  for (std::string line; std::getline(smaps, line);) {
    uintptr_t begin = 0;
    uintptr_t end = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &begin, &end) == 2) {
      const auto wanted = reinterpret_cast<uintptr_t>(address);
      inside = begin <= wanted && wanted < end;
    } else if (inside && line.starts_with("VmFlags:")) {
      return line + " ";
    }
  }
  return "";
}

size_t PagesOfThisProcess() {
  size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages;
}

bool IsMapped(const void* page) {
  unsigned char resident = 0;
  return mincore(const_cast<void*>(page), 1, &resident) == 0;
}

TEST(PinnedBufferTest, IsAlignedZeroedAndPageLocked) {
  FakeCudart fake;
  HOIST_ASSERT_OK_AND_ASSIGN(const PinnedBuffer buffer,
                             PinnedBuffer::Allocate(0, 10000));
  EXPECT_EQ(buffer.bytes().size(), 10000u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.bytes().data()) %
                PinnedBuffer::kAlignmentBytes,
            0u);
  EXPECT_THAT(buffer.bytes(), Each(0));
  // The stand-in refuses to register what is registered.
  EXPECT_EQ(cudaHostRegister(buffer.bytes().data(), 10000, 0),
            cudaErrorHostMemoryAlreadyRegistered);
  cudaGetLastError();
}

TEST(PinnedBufferTest, AnyDeviceMayCopyFromIt) {
  FakeCudart fake({.device_count = 2});
  HOIST_ASSERT_OK_AND_ASSIGN(const PinnedBuffer buffer,
                             PinnedBuffer::Allocate(0, 16));
  ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
  cudaStream_t stream = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking),
            cudaSuccess);
  void* data = nullptr;
  ASSERT_EQ(cudaMalloc(&data, 16), cudaSuccess);
  EXPECT_EQ(cudaMemcpyAsync(data, buffer.bytes().data(), 16,
                            cudaMemcpyHostToDevice, stream),
            cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_THAT(fake.TakeViolations(), IsEmpty());
  EXPECT_EQ(cudaFree(data), cudaSuccess);
  EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
}

TEST(PinnedBufferTest, IsUnregisteredAndThenUnmapped) {
  FakeCudart fake;
  const void* page = nullptr;
  {
    HOIST_ASSERT_OK_AND_ASSIGN(const PinnedBuffer buffer,
                               PinnedBuffer::Allocate(0, 16));
    page = buffer.bytes().data();
    ASSERT_TRUE(IsMapped(page));
  }
  EXPECT_EQ(fake.CallCount("cudaHostUnregister"), 1);
  EXPECT_FALSE(IsMapped(page));
}

TEST(PinnedBufferTest, AForkedChildDoesNotShareIt) {
  FakeCudart fake;
  HOIST_ASSERT_OK_AND_ASSIGN(const PinnedBuffer buffer,
                             PinnedBuffer::Allocate(0, 16));
  const std::string flags = FlagsOfMapping(buffer.bytes().data());
  ASSERT_NE(flags, "");
  EXPECT_THAT(flags, HasSubstr(" dc ")) << "dc: do not copy area on fork";
}

TEST(PinnedBufferTest, MovingHandsOverTheMemory) {
  FakeCudart fake;
  HOIST_ASSERT_OK_AND_ASSIGN(PinnedBuffer a, PinnedBuffer::Allocate(0, 16));
  HOIST_ASSERT_OK_AND_ASSIGN(PinnedBuffer b, PinnedBuffer::Allocate(0, 32));
  uint8_t* const data = a.bytes().data();
  b = std::move(a);
  EXPECT_EQ(b.bytes().data(), data);
  EXPECT_EQ(fake.CallCount("cudaHostUnregister"), 1);
  PinnedBuffer c = std::move(b);
  EXPECT_EQ(c.bytes().data(), data);
  EXPECT_EQ(fake.CallCount("cudaHostUnregister"), 1);
}

TEST(PinnedBufferTest, LeavesTheCurrentDeviceAsItWas) {
  FakeCudart fake({.device_count = 2});
  ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
  HOIST_ASSERT_OK(PinnedBuffer::Allocate(0, 16));
  EXPECT_TRUE(fake.HasContext(0));
  int device = -1;
  ASSERT_EQ(cudaGetDevice(&device), cudaSuccess);
  EXPECT_EQ(device, 1);
}

TEST(PinnedBufferTest, RefusesImpossibleSizes) {
  FakeCudart fake;
  for (const size_t size :
       {size_t{0}, std::numeric_limits<size_t>::max(),
        std::numeric_limits<size_t>::max() - PinnedBuffer::kAlignmentBytes}) {
    EXPECT_THAT(PinnedBuffer::Allocate(0, size),
                StatusIs(absl::StatusCode::kInvalidArgument, _));
  }
}

TEST(PinnedBufferTest, MoreThanTheAddressSpaceIsResourceExhausted) {
  FakeCudart fake;
  EXPECT_THAT(
      PinnedBuffer::Allocate(0, size_t{1} << 60),
      StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("Mapping")));
}

TEST(PinnedBufferTest, AFailedRegistrationLeavesNothing) {
  FakeCudart fake;
  const size_t before = PagesOfThisProcess();
  for (int i = 0; i < 100; ++i) {
    fake.FailCall("cudaHostRegister", 1, cudaErrorMemoryAllocation);
    EXPECT_FALSE(PinnedBuffer::Allocate(0, 16).ok());
  }
  EXPECT_LT(PagesOfThisProcess(),
            before + 50 * PinnedBuffer::kAlignmentBytes / 4096);
  fake.FailCall("cudaHostRegister", 1, cudaErrorMemoryAllocation);
  EXPECT_THAT(PinnedBuffer::Allocate(0, 16),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("Pinning 2097152 bytes of host memory")));
  EXPECT_EQ(fake.CallCount("cudaHostUnregister"), 0);
  EXPECT_EQ(cudaPeekAtLastError(), cudaSuccess);
}

TEST(PinnedBufferTest, NeedsADevice) {
  {
    FakeCudart fake({.device_count = 1});
    EXPECT_THAT(PinnedBuffer::Allocate(1, 16),
                StatusIs(absl::StatusCode::kInvalidArgument, _));
  }
  FakeCudart fake({.device_count = 0});
  EXPECT_THAT(PinnedBuffer::Allocate(0, 16),
              StatusIs(absl::StatusCode::kUnavailable, _));
}

}  // namespace
}  // namespace hoist
