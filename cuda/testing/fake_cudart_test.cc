#include "hoist/cuda/testing/fake_cudart.h"

#include <cuda_runtime_api.h>

#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest-spi.h"
#include "gtest/gtest.h"

namespace hoist {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr size_t kSize = 4096;

// A stream, an event, page-locked host memory and device memory to play with.
class FakeCudartTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking),
              cudaSuccess);
    ASSERT_EQ(cudaEventCreateWithFlags(
                  &event_, cudaEventDisableTiming | cudaEventBlockingSync),
              cudaSuccess);
    void* host = nullptr;
    ASSERT_EQ(cudaHostAlloc(&host, kSize, cudaHostAllocPortable), cudaSuccess);
    host_ = static_cast<uint8_t*>(host);
    ASSERT_EQ(cudaMalloc(&device_, kSize), cudaSuccess);
  }

  void TearDown() override {
    cudaStreamDestroy(stream_);
    cudaEventDestroy(event_);
    cudaFreeHost(host_);
    cudaFree(device_);
  }

  cudaError_t Upload() {
    return cudaMemcpyAsync(device_, host_, kSize, cudaMemcpyHostToDevice,
                           stream_);
  }
  uint8_t FirstByteOnDevice() {
    const std::vector<uint8_t> bytes = fake_.CopyFromDevice(device_, 1);
    return bytes.empty() ? 0 : bytes[0];
  }

  FakeCudart fake_{{.device_count = 2}};
  cudaStream_t stream_ = nullptr;
  cudaEvent_t event_ = nullptr;
  uint8_t* host_ = nullptr;
  void* device_ = nullptr;
};

TEST_F(FakeCudartTest, CopiesWhenTheStreamIsAwaited) {
  std::memset(host_, 7, kSize);
  ASSERT_EQ(Upload(), cudaSuccess);
  EXPECT_EQ(fake_.pending_copies(), 1);
  EXPECT_EQ(FirstByteOnDevice(), 0xCD);
  EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  EXPECT_EQ(fake_.pending_copies(), 0);
  EXPECT_THAT(fake_.CopyFromDevice(device_, kSize), Each(7));
}

TEST_F(FakeCudartTest, AnEventRunsOnlyWhatStandsBeforeIt) {
  std::memset(host_, 7, kSize);
  ASSERT_EQ(Upload(), cudaSuccess);
  ASSERT_EQ(cudaEventRecord(event_, stream_), cudaSuccess);
  ASSERT_EQ(cudaMemsetAsync(device_, 9, kSize, stream_), cudaSuccess);
  ASSERT_EQ(cudaEventSynchronize(event_), cudaSuccess);
  EXPECT_EQ(FirstByteOnDevice(), 7);
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  EXPECT_EQ(FirstByteOnDevice(), 9);
}

TEST_F(FakeCudartTest, QueriesSayNotReadyFirst) {
  ASSERT_EQ(Upload(), cudaSuccess);
  ASSERT_EQ(cudaEventRecord(event_, stream_), cudaSuccess);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(cudaEventQuery(event_), cudaErrorNotReady);
    EXPECT_EQ(fake_.pending_copies(), 1);
  }
  EXPECT_EQ(cudaEventQuery(event_), cudaSuccess);
  EXPECT_EQ(fake_.pending_copies(), 0);
  EXPECT_EQ(cudaStreamQuery(stream_), cudaSuccess);
}

// What a ring that reuses a slot before its event would do.
TEST_F(FakeCudartTest, ASourceReusedTooEarlyGivesWrongBytesAndAViolation) {
  std::memset(host_, 7, kSize);
  ASSERT_EQ(Upload(), cudaSuccess);
  host_[0] = 8;
  ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  EXPECT_EQ(FirstByteOnDevice(), 8);
  EXPECT_THAT(fake_.TakeViolations(),
              ElementsAre(HasSubstr("changed before the copy ran")));
  EXPECT_THAT(fake_.TakeViolations(), IsEmpty());
}

TEST_F(FakeCudartTest, PageableMemoryIsAViolation) {
  std::vector<uint8_t> pageable(kSize, 7);
  EXPECT_EQ(cudaMemcpyAsync(device_, pageable.data(), kSize,
                            cudaMemcpyHostToDevice, stream_),
            cudaSuccess);
  EXPECT_EQ(cudaMemcpyAsync(pageable.data(), device_, kSize,
                            cudaMemcpyDeviceToHost, stream_),
            cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  EXPECT_THAT(
      fake_.TakeViolations(),
      ElementsAre(HasSubstr("not page-locked"), HasSubstr("not page-locked")));
}

TEST_F(FakeCudartTest, FreeingWhatAPendingCopyUsesIsAViolation) {
  void* other = nullptr;
  ASSERT_EQ(cudaMalloc(&other, kSize), cudaSuccess);
  ASSERT_EQ(
      cudaMemcpyAsync(other, host_, kSize, cudaMemcpyHostToDevice, stream_),
      cudaSuccess);
  EXPECT_EQ(cudaFree(other), cudaSuccess);
  EXPECT_THAT(fake_.TakeViolations(),
              ElementsAre(HasSubstr("cudaFree of memory that a pending copy")));
  EXPECT_EQ(cudaStreamSynchronize(stream_), cudaErrorIllegalAddress);
  EXPECT_THAT(fake_.TakeViolations(),
              ElementsAre(HasSubstr("after its destination was freed")));
}

TEST_F(FakeCudartTest, UnpinningWhatAPendingCopyUsesIsAViolation) {
  void* other = nullptr;
  ASSERT_EQ(cudaHostAlloc(&other, kSize, 0), cudaSuccess);
  ASSERT_EQ(
      cudaMemcpyAsync(device_, other, kSize, cudaMemcpyHostToDevice, stream_),
      cudaSuccess);
  EXPECT_EQ(cudaFreeHost(other), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream_), cudaErrorIllegalAddress);
  EXPECT_THAT(fake_.TakeViolations(),
              ElementsAre(HasSubstr("cudaFreeHost of memory that a pending"),
                          HasSubstr("after its host memory was unmapped")));
}

TEST_F(FakeCudartTest, CopiesOutsideAnAllocationAreViolations) {
  EXPECT_EQ(cudaMemcpyAsync(static_cast<uint8_t*>(device_) + 1, host_, kSize,
                            cudaMemcpyHostToDevice, stream_),
            cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemsetAsync(device_, 0, kSize + 1, stream_),
            cudaErrorInvalidValue);
  EXPECT_EQ(fake_.TakeViolations().size(), 2u);
}

TEST_F(FakeCudartTest, ADeviceAddressIsNoHostMemory) {
  EXPECT_EQ(
      cudaMemcpyAsync(device_, device_, kSize, cudaMemcpyHostToDevice, stream_),
      cudaErrorInvalidValue);
  EXPECT_EQ(fake_.TakeViolations().size(), 1u);
}

TEST_F(FakeCudartTest, TheDefaultStreamIsAViolation) {
  EXPECT_EQ(cudaStreamSynchronize(nullptr), cudaErrorInvalidResourceHandle);
  EXPECT_THAT(fake_.TakeViolations(),
              ElementsAre(HasSubstr("on the default stream")));
}

TEST_F(FakeCudartTest, SlowStreamsAndEventsAreViolations) {
  cudaStream_t stream = nullptr;
  EXPECT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamDefault), cudaSuccess);
  cudaEvent_t event = nullptr;
  EXPECT_EQ(cudaEventCreateWithFlags(&event, cudaEventDefault), cudaSuccess);
  EXPECT_THAT(fake_.TakeViolations(),
              ElementsAre(HasSubstr("waits for the default stream"),
                          HasSubstr("with timing"), HasSubstr("spin")));
  EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
  EXPECT_EQ(cudaEventDestroy(event), cudaSuccess);
}

TEST_F(FakeCudartTest, AnotherCurrentDeviceIsAViolation) {
  ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
  EXPECT_EQ(Upload(), cudaSuccess);
  EXPECT_EQ(cudaEventRecord(event_, stream_), cudaSuccess);
  EXPECT_THAT(fake_.TakeViolations(),
              ElementsAre(HasSubstr("cudaMemcpyAsync on a stream while another "
                                    "device is current"),
                          HasSubstr("cudaEventRecord of an event while"),
                          HasSubstr("cudaEventRecord on a stream while")));
  ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
}

TEST_F(FakeCudartTest, ReleasingTwiceIsAViolation) {
  void* data = nullptr;
  ASSERT_EQ(cudaMalloc(&data, 1), cudaSuccess);
  EXPECT_EQ(cudaFree(data), cudaSuccess);
  EXPECT_EQ(cudaFree(data), cudaErrorInvalidValue);
  EXPECT_EQ(cudaHostUnregister(&data), cudaErrorHostMemoryNotRegistered);
  EXPECT_EQ(cudaFreeHost(&data), cudaErrorInvalidValue);
  EXPECT_EQ(fake_.TakeViolations().size(), 3u);
}

TEST_F(FakeCudartTest, FailsTheNthCallOnceAndKeepsTheLastError) {
  fake_.FailCall("cudaEventRecord", 2, cudaErrorUnknown);
  EXPECT_EQ(cudaEventRecord(event_, stream_), cudaSuccess);
  EXPECT_EQ(cudaEventRecord(event_, stream_), cudaErrorUnknown);
  EXPECT_EQ(cudaEventRecord(event_, stream_), cudaSuccess);
  EXPECT_EQ(cudaGetLastError(), cudaErrorUnknown);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  EXPECT_EQ(fake_.CallCount("cudaEventRecord"), 3);
}

TEST_F(FakeCudartTest, ForgetsFaults) {
  fake_.FailCall("cudaEventRecord", 1, cudaErrorUnknown);
  fake_.FailCopy(1, cudaErrorIllegalAddress);
  fake_.ClearFaults();
  EXPECT_EQ(cudaEventRecord(event_, stream_), cudaSuccess);
  EXPECT_EQ(Upload(), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
}

TEST_F(FakeCudartTest, DamagesACopyInSilence) {
  EXPECT_EQ(Upload(), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  const auto on_device = [this] {
    return fake_.CopyFromDevice(device_, kSize);
  };
  const std::vector<uint8_t> right = on_device();
  fake_.DamageCopy(1);
  for (const bool is_damaged : {true, false}) {
    EXPECT_EQ(Upload(), cudaSuccess);
    EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
    EXPECT_EQ(on_device() != right, is_damaged);
  }
}

TEST_F(FakeCudartTest, AFailedCopyMakesTheDeviceUnusable) {
  fake_.FailCopy(1, cudaErrorIllegalAddress);
  EXPECT_EQ(Upload(), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream_), cudaErrorIllegalAddress);
  EXPECT_EQ(FirstByteOnDevice(), 0xCD);
  EXPECT_EQ(Upload(), cudaErrorIllegalAddress);
}

TEST_F(FakeCudartTest, ThreadsHaveTheirOwnDeviceAndLastError) {
  ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
  ASSERT_EQ(cudaSetDevice(2), cudaErrorInvalidDevice);
  std::thread([] {
    int device = -1;
    EXPECT_EQ(cudaGetDevice(&device), cudaSuccess);
    EXPECT_EQ(device, 0);
    EXPECT_EQ(cudaPeekAtLastError(), cudaSuccess);
  }).join();
  EXPECT_EQ(cudaPeekAtLastError(), cudaErrorInvalidDevice);
  ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
}

TEST_F(FakeCudartTest, PausedCallsAreHeldUntilResumed) {
  std::memset(host_, 7, kSize);
  ASSERT_EQ(Upload(), cudaSuccess);
  fake_.Pause("cudaStreamSynchronize");
  std::thread thread(
      [&] { EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess); });
  fake_.WaitForPaused("cudaStreamSynchronize", 1);
  EXPECT_EQ(fake_.pending_copies(), 1);
  fake_.Resume("cudaStreamSynchronize");
  thread.join();
  EXPECT_EQ(fake_.pending_copies(), 0);
}

TEST(FakeCudartLifeTest, CallsFailWithoutAStandIn) {
  int count = 0;
  EXPECT_NE(cudaGetDeviceCount(&count), cudaSuccess);
}

TEST(FakeCudartLifeTest, StartsWithTheFirstDeviceAndNoContext) {
  FakeCudart fake({.device_count = 2});
  int device = -1;
  EXPECT_EQ(cudaGetDevice(&device), cudaSuccess);
  EXPECT_EQ(device, 0);
  EXPECT_EQ(cudaPeekAtLastError(), cudaSuccess);
  EXPECT_FALSE(fake.HasContext(0));
  EXPECT_EQ(cudaSetDevice(1), cudaSuccess);
  EXPECT_TRUE(fake.HasContext(1));
  EXPECT_FALSE(fake.HasContext(0));
}

TEST(FakeCudartLifeTest, LimitsMemoryPerDevice) {
  FakeCudart fake({.device_count = 2, .total_bytes = 1000});
  void* data = nullptr;
  EXPECT_EQ(cudaMalloc(&data, 1001), cudaErrorMemoryAllocation);
  ASSERT_EQ(cudaMalloc(&data, 600), cudaSuccess);
  size_t free_bytes = 0;
  size_t total_bytes = 0;
  EXPECT_EQ(cudaMemGetInfo(&free_bytes, &total_bytes), cudaSuccess);
  EXPECT_EQ(free_bytes, 400u);
  EXPECT_EQ(total_bytes, 1000u);
  EXPECT_EQ(cudaFree(data), cudaSuccess);
}

TEST(FakeCudartLifeTest, KeepsThePeakOfPinnedMemory) {
  FakeCudart fake;
  void* a = nullptr;
  ASSERT_EQ(cudaHostAlloc(&a, 4096, 0), cudaSuccess);
  std::vector<uint8_t> b(1000);
  ASSERT_EQ(cudaHostRegister(b.data(), b.size(), 0), cudaSuccess);
  ASSERT_EQ(cudaFreeHost(a), cudaSuccess);
  ASSERT_EQ(cudaHostUnregister(b.data()), cudaSuccess);
  EXPECT_EQ(fake.peak_pinned_bytes(), 5096u);
}

TEST(FakeCudartLifeTest, PreparedMemoryIsPoisoned) {
  FakeCudart fake;
  fake.PrepareMemory(1000);
  void* data = nullptr;
  ASSERT_EQ(cudaMalloc(&data, 900), cudaSuccess);
  EXPECT_THAT(fake.CopyFromDevice(data, 900), Each(0xCD));
  EXPECT_EQ(cudaFree(data), cudaSuccess);
}

TEST(FakeCudartLifeTest, LeaksFailTheTest) {
  EXPECT_NONFATAL_FAILURE(
      {
        FakeCudart fake;
        cudaStream_t stream;
        cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
      },
      "Leak: 1 streams");
  EXPECT_NONFATAL_FAILURE(
      {
        FakeCudart fake;
        void* data = nullptr;
        cudaMalloc(&data, 1);
      },
      "Leak: 1 device allocations");
}

TEST(FakeCudartLifeTest, ViolationsFailTheTest) {
  EXPECT_NONFATAL_FAILURE(
      {
        FakeCudart fake;
        cudaStreamSynchronize(nullptr);
      },
      "default stream");
}

TEST(FakeCudartLifeTest, WithoutADeviceCallsSaySo) {
  FakeCudart fake({.device_count = 0});
  int count = -1;
  EXPECT_EQ(cudaGetDeviceCount(&count), cudaErrorNoDevice);
  void* data = nullptr;
  EXPECT_EQ(cudaMalloc(&data, 1), cudaErrorNoDevice);
}

}  // namespace
}  // namespace hoist
