// The Uploader in the hands of many threads.

#include <cuda_runtime_api.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/cuda/device_buffer.h"
#include "hoist/cuda/testing/fake_cudart.h"
#include "hoist/cuda/uploader.h"

namespace hoist {
namespace {

using ::testing::_;

TEST(UploaderThreadTest, ManyThreadsWithAnyCurrentDevice) {
  constexpr int kThreads = 6;
  constexpr int kChunks = 60;
  constexpr size_t kSlot = 4096;
  FakeCudart fake({.device_count = 2});
  std::vector<uint8_t> expected(kThreads * kChunks * kSlot);
  std::minstd_rand random(1);
  for (uint8_t& byte : expected) {
    byte = static_cast<uint8_t>(random() >> 8);
  }
  HOIST_ASSERT_OK_AND_ASSIGN(const DeviceBuffer memory,
                             DeviceBuffer::Allocate(1, expected.size()));
  HOIST_ASSERT_OK_AND_ASSIGN(
      const auto pool,
      PinnedPool::Create({.slot_bytes = kSlot, .max_bytes = 3 * kSlot},
                         nullptr));
  HOIST_ASSERT_OK_AND_ASSIGN(const auto uploader,
                             Uploader::Create(1, *pool, 3));
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      ASSERT_EQ(cudaSetDevice(t % 2), cudaSuccess);
      for (int i = 0; i < kChunks; ++i) {
        const size_t begin = (t * kChunks + i) * kSlot;
        if (i % 7 == 0) {
          HOIST_ASSERT_OK(uploader->Acquire());  // and give it back unused
        }
        HOIST_ASSERT_OK_AND_ASSIGN(Uploader::Slot slot, uploader->Acquire());
        std::copy_n(expected.begin() + begin, kSlot, slot.bytes().begin());
        HOIST_ASSERT_OK(uploader->Submit(
            std::move(slot),
            {{0, kSlot, static_cast<uint8_t*>(memory.data()) + begin}}));
        if (i % 16 == 0) {
          HOIST_ASSERT_OK(uploader->Finish());
        }
      }
      int device = -1;
      ASSERT_EQ(cudaGetDevice(&device), cudaSuccess);
      EXPECT_EQ(device, t % 2);
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  HOIST_ASSERT_OK(uploader->Finish());
  EXPECT_EQ(uploader->uploaded_bytes(), expected.size());
  EXPECT_TRUE(fake.CopyFromDevice(memory.data(), expected.size()) == expected);
}

// Two slots, and 64 bytes on cuda:0.
class UploaderWaitTest : public ::testing::Test {
 protected:
  void SetUp() override {
    HOIST_ASSERT_OK_AND_ASSIGN(memory_, DeviceBuffer::Allocate(0, 64));
    HOIST_ASSERT_OK_AND_ASSIGN(
        pool_,
        PinnedPool::Create({.slot_bytes = 4096, .max_bytes = 8192}, nullptr));
    HOIST_ASSERT_OK_AND_ASSIGN(uploader_, Uploader::Create(0, *pool_, 2));
  }
  void TearDown() override {
    uploader_ = nullptr;
    pool_ = nullptr;
    memory_ = DeviceBuffer();
  }
  absl::Status Submit(Uploader::Slot slot) {
    return uploader_->Submit(std::move(slot), {{0, 64, memory_.data()}});
  }

  FakeCudart fake_;
  DeviceBuffer memory_;
  std::unique_ptr<PinnedPool> pool_;
  std::unique_ptr<Uploader> uploader_;
};

TEST_F(UploaderWaitTest, AcquireWaitsUntilASlotComesBack) {
  HOIST_ASSERT_OK_AND_ASSIGN(Uploader::Slot a, uploader_->Acquire());
  std::atomic<bool> got = false;
  std::thread thread;
  {
    HOIST_ASSERT_OK_AND_ASSIGN(Uploader::Slot b, uploader_->Acquire());
    thread = std::thread([&] {
      HOIST_EXPECT_OK(uploader_->Acquire());
      got = true;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_FALSE(got);
  }
  thread.join();
  EXPECT_TRUE(got);
}

TEST_F(UploaderWaitTest, AcquireWaitsUntilASlotIsSubmitted) {
  HOIST_ASSERT_OK_AND_ASSIGN(Uploader::Slot a, uploader_->Acquire());
  HOIST_ASSERT_OK_AND_ASSIGN(Uploader::Slot b, uploader_->Acquire());
  std::thread thread([&] { HOIST_EXPECT_OK(uploader_->Acquire()); });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  HOIST_EXPECT_OK(Submit(std::move(b)));
  thread.join();
  EXPECT_EQ(fake_.CallCount("cudaEventSynchronize"), 1);
}

// The device must be fed while some thread waits for a copy.
TEST_F(UploaderWaitTest, SubmitDoesNotWaitForAnAcquireThatWaitsForACopy) {
  HOIST_ASSERT_OK_AND_ASSIGN(Uploader::Slot a, uploader_->Acquire());
  HOIST_ASSERT_OK_AND_ASSIGN(Uploader::Slot b, uploader_->Acquire());
  HOIST_ASSERT_OK(Submit(std::move(a)));
  fake_.Pause("cudaEventSynchronize");
  std::thread thread([&] { HOIST_EXPECT_OK(uploader_->Acquire()); });
  fake_.WaitForPaused("cudaEventSynchronize", 1);
  HOIST_EXPECT_OK(Submit(std::move(b)));
  EXPECT_EQ(fake_.CallCount("cudaMemcpyAsync"), 2);
  fake_.Resume("cudaEventSynchronize");
  thread.join();
}

TEST_F(UploaderWaitTest, ASlotThatComesBackServesOthersDuringAWait) {
  HOIST_ASSERT_OK_AND_ASSIGN(Uploader::Slot a, uploader_->Acquire());
  HOIST_ASSERT_OK(Submit(std::move(a)));
  std::thread waiting;
  {
    HOIST_ASSERT_OK_AND_ASSIGN(Uploader::Slot b, uploader_->Acquire());
    fake_.Pause("cudaEventSynchronize");
    waiting = std::thread([&] { HOIST_EXPECT_OK(uploader_->Acquire()); });
    fake_.WaitForPaused("cudaEventSynchronize", 1);
  }
  HOIST_EXPECT_OK(uploader_->Acquire());
  fake_.Resume("cudaEventSynchronize");
  waiting.join();
}

TEST_F(UploaderWaitTest, CancelWakesEveryAcquire) {
  HOIST_ASSERT_OK_AND_ASSIGN(Uploader::Slot a, uploader_->Acquire());
  HOIST_ASSERT_OK_AND_ASSIGN(Uploader::Slot b, uploader_->Acquire());
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      EXPECT_THAT(uploader_->Acquire(),
                  StatusIs(absl::StatusCode::kCancelled, _));
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  uploader_->Cancel();
  for (std::thread& thread : threads) {
    thread.join();
  }
}

TEST_F(UploaderWaitTest, CancelDoesNotBlockOnAWaitForACopy) {
  HOIST_ASSERT_OK_AND_ASSIGN(Uploader::Slot a, uploader_->Acquire());
  HOIST_ASSERT_OK_AND_ASSIGN(Uploader::Slot b, uploader_->Acquire());
  HOIST_ASSERT_OK(Submit(std::move(a)));
  fake_.Pause("cudaEventSynchronize");
  std::thread waiting([&] {
    EXPECT_THAT(uploader_->Acquire(),
                StatusIs(absl::StatusCode::kCancelled, _));
  });
  fake_.WaitForPaused("cudaEventSynchronize", 1);
  uploader_->Cancel();
  EXPECT_THAT(uploader_->Acquire(), StatusIs(absl::StatusCode::kCancelled, _));
  fake_.Resume("cudaEventSynchronize");
  waiting.join();
}

TEST_F(UploaderWaitTest, AnErrorWakesEveryAcquire) {
  HOIST_ASSERT_OK_AND_ASSIGN(Uploader::Slot a, uploader_->Acquire());
  HOIST_ASSERT_OK_AND_ASSIGN(Uploader::Slot b, uploader_->Acquire());
  fake_.FailCopy(1, cudaErrorIllegalAddress);
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      EXPECT_THAT(uploader_->Acquire(),
                  StatusIs(absl::StatusCode::kInternal, _));
    });
  }
  fake_.Pause("cudaEventSynchronize");
  HOIST_EXPECT_OK(Submit(std::move(a)));
  fake_.WaitForPaused("cudaEventSynchronize", 1);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  fake_.Resume("cudaEventSynchronize");
  for (std::thread& thread : threads) {
    thread.join();
  }
}

}  // namespace
}  // namespace hoist
