// The stand-in whose links and calls take time.

#include <cuda_runtime_api.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest-spi.h"
#include "gtest/gtest.h"
#include "hoist/cuda/testing/fake_cudart.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Clock = std::chrono::steady_clock;

constexpr size_t kSize = 100'000;
constexpr double kRate = 1e6;  // so that kSize takes 100 ms

double SecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// A device's stream and event, page-locked host memory and device memory.
class Lane {
 public:
  explicit Lane(int device) : device_(device) {
    EXPECT_EQ(cudaSetDevice(device), cudaSuccess);
    EXPECT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking),
              cudaSuccess);
    EXPECT_EQ(cudaEventCreateWithFlags(
                  &event, cudaEventDisableTiming | cudaEventBlockingSync),
              cudaSuccess);
    void* memory = nullptr;
    EXPECT_EQ(cudaHostAlloc(&memory, kSize, cudaHostAllocPortable),
              cudaSuccess);
    host = static_cast<uint8_t*>(memory);
    std::memset(host, 7, kSize);
    EXPECT_EQ(cudaMalloc(&memory, kSize), cudaSuccess);
    data = static_cast<uint8_t*>(memory);
  }
  ~Lane() {
    cudaSetDevice(device_);
    cudaStreamDestroy(stream);
    cudaEventDestroy(event);
    cudaFreeHost(host);
    cudaFree(data);
  }

  void Upload(size_t size = kSize) {
    ASSERT_EQ(cudaSetDevice(device_), cudaSuccess);
    ASSERT_EQ(cudaMemcpyAsync(data, host, size, cudaMemcpyHostToDevice, stream),
              cudaSuccess);
  }
  void Wait() {
    ASSERT_EQ(cudaSetDevice(device_), cudaSuccess);
    ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  }

  cudaStream_t stream = nullptr;
  cudaEvent_t event = nullptr;
  uint8_t* host = nullptr;
  uint8_t* data = nullptr;

 private:
  const int device_;
};

// Whether each of kSize bytes there is `byte`.
bool IsOnDevice(const FakeCudart& fake, const void* data, uint8_t byte) {
  return fake.CopyFromDevice(data, kSize) == std::vector<uint8_t>(kSize, byte);
}

void PutACopyAndWaitForNothing(double link_bytes_per_second) {
  FakeCudart fake({.link_bytes_per_second = link_bytes_per_second});
  cudaStream_t stream = nullptr;
  void* data = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking),
            cudaSuccess);
  ASSERT_EQ(cudaMalloc(&data, 1), cudaSuccess);
  ASSERT_EQ(cudaMemsetAsync(data, 0, 1, stream), cudaSuccess);
  fake.TakeLeaks();
}

TEST(FakeCudartTimeTest, ACopyTakesItsTimeAndMovesItsBytesAtTheEnd) {
  FakeCudart fake({.link_bytes_per_second = kRate});
  Lane lane(0);
  const auto begin = Clock::now();
  lane.Upload();
  EXPECT_TRUE(IsOnDevice(fake, lane.data, 0xCD));
  EXPECT_EQ(fake.pending_copies(), 1);
  EXPECT_LT(SecondsSince(begin), 0.1);
  lane.Wait();
  EXPECT_GE(SecondsSince(begin), 0.1);
  EXPECT_TRUE(IsOnDevice(fake, lane.data, 7));
}

TEST(FakeCudartTimeTest, LatencyIsOfEachCopy) {
  FakeCudart fake({.copy_latency_ns = 20'000'000});
  Lane lane(0);
  const auto begin = Clock::now();
  for (int i = 0; i < 5; ++i) {
    lane.Upload(1);
  }
  lane.Wait();
  EXPECT_GE(SecondsSince(begin), 0.1);
}

TEST(FakeCudartTimeTest, TheLinkWorksWhileNobodyWaits) {
  FakeCudart fake({.link_bytes_per_second = kRate});
  Lane lane(0);
  lane.Upload();
  while (fake.pending_copies() > 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_TRUE(IsOnDevice(fake, lane.data, 7));
  lane.Wait();
}

// Each copy is 0.1 ms: were the lateness of each wake-up added, a hundred more.
TEST(FakeCudartTimeTest, LatenessDoesNotAddUp) {
  FakeCudart fake({.link_bytes_per_second = 1e7});
  Lane lane(0);
  double fastest = 1;
  for (int attempt = 0; attempt < 5; ++attempt) {
    const auto begin = Clock::now();
    for (int i = 0; i < 1000; ++i) {
      lane.Upload(1000);
    }
    lane.Wait();
    fastest = std::min(fastest, SecondsSince(begin));
  }
  EXPECT_GE(fastest, 0.1);
  EXPECT_LT(fastest, 0.13);
}

TEST(FakeCudartTimeTest, AnEventWaitsForWhatStandsBeforeItOnly) {
  FakeCudart fake({.link_bytes_per_second = kRate});
  Lane lane(0);
  lane.Upload(kSize / 10);
  ASSERT_EQ(cudaEventRecord(lane.event, lane.stream), cudaSuccess);
  lane.Upload();
  EXPECT_EQ(cudaEventQuery(lane.event), cudaErrorNotReady);
  ASSERT_EQ(cudaEventSynchronize(lane.event), cudaSuccess);
  EXPECT_EQ(cudaEventQuery(lane.event), cudaSuccess);
  EXPECT_EQ(fake.pending_copies(), 1);
  EXPECT_EQ(cudaStreamQuery(lane.stream), cudaErrorNotReady);
  lane.Wait();
  EXPECT_EQ(cudaStreamQuery(lane.stream), cudaSuccess);
}

TEST(FakeCudartTimeTest, OtherCallsGoOnDuringAWait) {
  FakeCudart fake({.link_bytes_per_second = kRate});
  Lane lane(0);
  lane.Upload();
  ASSERT_EQ(cudaEventRecord(lane.event, lane.stream), cudaSuccess);
  std::atomic<bool> waited = false;
  std::thread thread([&] {
    EXPECT_EQ(cudaEventSynchronize(lane.event), cudaSuccess);
    waited = true;
  });
  lane.Upload();
  EXPECT_FALSE(waited);
  thread.join();
  lane.Wait();
}

TEST(FakeCudartTimeTest, StreamsShareALinkAndDevicesDoNot) {
  for (const int other : {0, 1}) {
    FakeCudart fake({.device_count = 2, .link_bytes_per_second = kRate / 2});
    Lane a(0);
    Lane b(other);
    const auto begin = Clock::now();
    a.Upload();
    b.Upload();
    a.Wait();
    EXPECT_GE(SecondsSince(begin), 0.2);
    b.Wait();
    if (other == 0) {
      EXPECT_GE(SecondsSince(begin), 0.4);
    } else {
      EXPECT_LT(SecondsSince(begin), 0.4);
    }
  }
}

// The thread of the link reads what was written before a call that came before
// the end of the copy's time.
TEST(FakeCudartTimeTest, ASourceChangedBeforeTheCopyGivesWrongBytes) {
  FakeCudart fake({.link_bytes_per_second = kRate});
  Lane lane(0);
  lane.Upload();
  lane.host[0] = 8;
  lane.Wait();
  EXPECT_EQ(fake.CopyFromDevice(lane.data, 1)[0], 8);
  EXPECT_THAT(fake.TakeViolations(),
              ElementsAre(HasSubstr("changed before the copy ran"),
                          HasSubstr("changed before it was waited for")));
}

TEST(FakeCudartTimeTest, ASourceChangedBeforeTheHostCouldKnowIsAViolation) {
  FakeCudart fake({.link_bytes_per_second = 1e12});
  Lane lane(0);
  lane.Upload();
  while (fake.pending_copies() > 0) {
  }
  lane.host[0] = 8;
  EXPECT_THAT(fake.TakeViolations(), IsEmpty());
  lane.Wait();
  EXPECT_EQ(fake.CopyFromDevice(lane.data, 1)[0], 7);
  EXPECT_THAT(fake.TakeViolations(),
              ElementsAre(HasSubstr("changed before it was waited for")));
}

TEST(FakeCudartTimeTest, MemoryReleasedBeforeTheHostCouldKnowIsAViolation) {
  FakeCudart fake({.link_bytes_per_second = 1e12});
  Lane lane(0);
  void* other = nullptr;
  ASSERT_EQ(cudaMalloc(&other, 1), cudaSuccess);
  ASSERT_EQ(
      cudaMemcpyAsync(other, lane.host, 1, cudaMemcpyHostToDevice, lane.stream),
      cudaSuccess);
  while (fake.pending_copies() > 0) {
  }
  EXPECT_EQ(cudaFree(other), cudaSuccess);
  EXPECT_THAT(fake.TakeViolations(),
              ElementsAre(HasSubstr("cudaFree of memory that a pending copy")));
  lane.Wait();
}

TEST(FakeCudartTimeTest, ACopyFromUnpinnedMemoryFails) {
  FakeCudart fake({.link_bytes_per_second = kRate});
  Lane lane(0);
  std::vector<uint8_t> memory(kSize);
  ASSERT_EQ(cudaHostRegister(memory.data(), kSize, cudaHostRegisterPortable),
            cudaSuccess);
  ASSERT_EQ(cudaMemcpyAsync(lane.data, memory.data(), kSize,
                            cudaMemcpyHostToDevice, lane.stream),
            cudaSuccess);
  ASSERT_EQ(cudaHostUnregister(memory.data()), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(lane.stream), cudaErrorIllegalAddress);
  EXPECT_THAT(fake.TakeViolations(),
              ElementsAre(HasSubstr("cudaHostUnregister of memory that"),
                          HasSubstr("after its host memory was unregistered")));
}

TEST(FakeCudartTimeTest, SamplesNoticeASlotThatIsFilledAnew) {
  FakeCudart fake(
      {.link_bytes_per_second = kRate, .checked_bytes_per_copy = 256});
  Lane lane(0);
  lane.Upload();
  lane.host[0] = 8;  // in no sample
  lane.Wait();
  EXPECT_THAT(fake.TakeViolations(), IsEmpty());
  lane.Upload();
  std::memset(lane.host + kSize / 2, 9, kSize / 2);
  lane.Wait();
  EXPECT_EQ(fake.TakeViolations().size(), 2u);
}

TEST(FakeCudartTimeTest, CallsTakeTime) {
  FakeCudart fake({.call_latency_ns = 2'000'000});
  auto begin = Clock::now();
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
  }
  EXPECT_GE(SecondsSince(begin), 0.01);
  fake.SlowCall("cudaSetDevice", 30'000'000);
  begin = Clock::now();
  ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
  EXPECT_GE(SecondsSince(begin), 0.03);
}

TEST(FakeCudartTimeTest, ASlowCallDoesNotHoldOthers) {
  FakeCudart fake;
  fake.SlowCall("cudaMalloc", 100'000'000);
  std::atomic<bool> allocated = false;
  std::thread thread([&] {
    void* data = nullptr;
    EXPECT_EQ(cudaMalloc(&data, 1), cudaSuccess);
    allocated = true;
    EXPECT_EQ(cudaFree(data), cudaSuccess);
  });
  while (fake.CallCount("cudaMalloc") == 0) {
  }
  EXPECT_EQ(cudaSetDevice(0), cudaSuccess);
  EXPECT_FALSE(allocated);
  thread.join();
}

TEST(FakeCudartTimeTest, AFailedCopyMakesItsDeviceUnusable) {
  FakeCudart fake({.device_count = 2, .link_bytes_per_second = 1e9});
  Lane a(0);
  Lane b(1);
  fake.FailCopy(1, cudaErrorIllegalAddress);
  a.Upload();
  ASSERT_EQ(cudaStreamSynchronize(a.stream), cudaErrorIllegalAddress);
  EXPECT_THAT(fake.TakeViolations(), IsEmpty());
  b.Upload();
  b.Wait();
  EXPECT_TRUE(IsOnDevice(fake, b.data, 7));
}

TEST(FakeCudartTimeTest, WhatNothingWaitedForFailsTheTest) {
  for (const double rate : {0.0, 1e12}) {
    EXPECT_NONFATAL_FAILURE(PutACopyAndWaitForNothing(rate),
                            "Nothing waited for 1 copies");
  }
}

}  // namespace
}  // namespace hoist
