#include "hoist/cuda/download.h"

#include <cuda_runtime_api.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/cuda/device_buffer.h"
#include "hoist/cuda/testing/fake_cudart.h"
#include "hoist/cuda/uploader.h"

namespace hoist {
namespace {

constexpr size_t kSlot = 4096;
constexpr size_t kBytes = 5 * kSlot + 100;

// Memory of cuda:1 with bytes that differ from place to place, while cuda:0 is
// current, and a pool of `slots` slots.
struct Source {
  explicit Source(int slots) {
    EXPECT_EQ(cudaSetDevice(0), cudaSuccess);
    pool = *PinnedPool::Create(
        {.slot_bytes = kSlot, .max_bytes = slots * kSlot}, nullptr);
    memory = *DeviceBuffer::Allocate(1, kBytes);
    for (size_t i = 0; i < kBytes; ++i) {
      bytes.push_back(static_cast<uint8_t>(i * 7 + i / 256));
    }
    auto uploader = *Uploader::Create(1, *pool, 1);
    for (size_t at = 0; at < kBytes; at += kSlot) {
      auto slot = *uploader->Acquire();
      const size_t size = std::min(kSlot, kBytes - at);
      std::memcpy(slot.bytes().data(), bytes.data() + at, size);
      EXPECT_THAT(uploader->Submit(std::move(slot),
                                   {{0, size, const_cast<uint8_t*>(At(at))}}),
                  IsOk());
    }
    EXPECT_THAT(uploader->Finish(), IsOk());
  }
  const uint8_t* At(size_t offset) const {
    return static_cast<const uint8_t*>(memory.data()) + offset;
  }
  // All of it in pieces: small ones, an empty one, one of several slots.
  absl::Status DownloadAll(std::vector<uint8_t>& out, int max_slots) const {
    out.assign(kBytes, 0);
    std::vector<DeviceCopy> copies;
    size_t at = 0;
    for (const size_t size :
         {size_t{1}, size_t{100}, size_t{0}, 2 * kSlot + 3, kSlot, kBytes}) {
      const size_t taken = std::min(size, kBytes - at);
      copies.push_back({At(at), taken, out.data() + at});
      at += taken;
    }
    return Download(1, copies, *pool, max_slots);
  }

  std::unique_ptr<PinnedPool> pool;
  DeviceBuffer memory;
  std::vector<uint8_t> bytes;
};

TEST(DownloadTest, BringsEveryByteThroughAnyNumberOfSlots) {
  for (const int slots : {1, 2, 8}) {
    for (const int max_slots : {1, 2, 3}) {
      FakeCudart fake({.device_count = 2});
      const Source source(slots);
      std::vector<uint8_t> out;
      HOIST_ASSERT_OK(source.DownloadAll(out, max_slots));
      EXPECT_EQ(out, source.bytes);
      int device = -1;
      EXPECT_EQ(cudaGetDevice(&device), cudaSuccess);
      EXPECT_EQ(device, 0);
    }
  }
}

TEST(DownloadTest, WaitsForLinks) {
  FakeCudart fake({.device_count = 2, .copy_latency_ns = 1'000'000});
  const Source source(2);
  std::vector<uint8_t> out;
  HOIST_ASSERT_OK(source.DownloadAll(out, 2));
  EXPECT_EQ(out, source.bytes);
}

TEST(DownloadTest, EachCallThatFailsIsAnErrorAndLeavesNothingUnderWay) {
  for (const char* const function :
       {"cudaDeviceSynchronize", "cudaStreamCreateWithFlags",
        "cudaEventCreateWithFlags", "cudaMemcpyAsync", "cudaEventRecord",
        "cudaEventSynchronize", "cudaHostRegister"}) {
    int failures = 0;
    for (int nth = 1; nth < 100; ++nth) {
      SCOPED_TRACE(nth);
      SCOPED_TRACE(function);
      FakeCudart fake({.device_count = 2});
      const Source source(2);
      const int calls = fake.CallCount(function);
      fake.FailCall(function, nth, FakeCudart::kErrorUnknown);
      std::vector<uint8_t> out;
      const absl::Status status = source.DownloadAll(out, 2);
      EXPECT_EQ(fake.pending_copies(), 0);
      if (fake.CallCount(function) - calls < nth) {
        fake.ClearFaults();
        break;
      }
      ++failures;
      // The pool has enough pinned memory, or needs no more.
      if (function != std::string("cudaHostRegister")) {
        EXPECT_FALSE(status.ok());
      }
      EXPECT_TRUE(!status.ok() || out == source.bytes);
      // And the next works, but for a device that is lost.
      HOIST_EXPECT_OK(source.DownloadAll(out, 2));
      EXPECT_EQ(out, source.bytes);
    }
    EXPECT_TRUE(failures > 0 || function == std::string("cudaHostRegister"));
  }
}

TEST(DownloadTest, ACopyThatFailsIsAnError) {
  for (int nth = 1; nth <= 6; ++nth) {
    FakeCudart fake({.device_count = 2});
    const Source source(2);
    fake.FailCopy(nth, FakeCudart::kErrorIllegalAddress);
    std::vector<uint8_t> out;
    EXPECT_FALSE(source.DownloadAll(out, 2).ok());
  }
}

// The stand-in notices what Download() must not do: to take bytes out of a slot
// before the copy into it is over.
TEST(DownloadTest, BytesThatAreTakenTooEarlyAreNotTheSource) {
  FakeCudart fake({.device_count = 2});
  const Source source(1);
  PinnedPool::Borrower borrower(*source.pool, 1, 1);
  const PinnedPool::Slot slot = *borrower.Acquire();
  std::memset(slot.bytes().data(), 0, kSlot);
  ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
  cudaStream_t stream;
  ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking),
            cudaSuccess);
  ASSERT_EQ(cudaMemcpyAsync(slot.bytes().data(), source.At(0), kSlot,
                            cudaMemcpyDeviceToHost, stream),
            cudaSuccess);
  const std::vector<uint8_t> early(slot.bytes().begin(), slot.bytes().end());
  ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  const std::vector<uint8_t> late(slot.bytes().begin(), slot.bytes().end());
  const std::vector<uint8_t> expected(source.bytes.begin(),
                                      source.bytes.begin() + kSlot);
  EXPECT_NE(early, expected);
  EXPECT_EQ(late, expected);
  ASSERT_EQ(cudaStreamDestroy(stream), cudaSuccess);
  ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
}

TEST(DownloadTest, WhatIsNotThereIsAnError) {
  FakeCudart fake({.device_count = 1});
  auto pool = *PinnedPool::Create({.slot_bytes = kSlot}, nullptr);
  EXPECT_THAT(Download(1, {}, *pool, 1),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Download(0, {}, *pool, 0),
              StatusIs(absl::StatusCode::kInvalidArgument));
  HOIST_EXPECT_OK(Download(0, {}, *pool, 1));
}

}  // namespace
}  // namespace hoist
