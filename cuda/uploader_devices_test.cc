// Uploads to several devices at once, over one pool.

#include <cuda_runtime_api.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/thread/thread_pool.h"
#include "hoist/cuda/device_buffer.h"
#include "hoist/cuda/testing/fake_cudart.h"
#include "hoist/cuda/uploader.h"

namespace hoist {
namespace {

constexpr size_t kSlot = size_t{64} << 10;

std::unique_ptr<PinnedPool> MakePool(size_t slots) {
  auto pool = PinnedPool::Create(
      {.slot_bytes = kSlot, .max_bytes = slots * kSlot}, nullptr);
  EXPECT_THAT(pool, IsOk());
  return *std::move(pool);
}

std::vector<uint8_t> RandomBytes(size_t size, int seed) {
  std::minstd_rand random(seed);
  std::vector<uint8_t> bytes(size);
  for (uint8_t& byte : bytes) {
    byte = static_cast<uint8_t>(random() >> 8);
  }
  return bytes;
}

// Uploads what `thread` of `threads` has to of `bytes`, in pieces of a slot.
absl::Status UploadShare(Uploader& uploader, const std::vector<uint8_t>& bytes,
                         void* destination, int thread, int threads) {
  for (size_t begin = thread * kSlot; begin < bytes.size();
       begin += threads * kSlot) {
    const size_t size = std::min(kSlot, bytes.size() - begin);
    HOIST_ASSIGN_OR_RETURN(Uploader::Slot slot, uploader.Acquire());
    std::copy_n(bytes.begin() + begin, size, slot.bytes().begin());
    HOIST_RETURN_IF_ERROR(uploader.Submit(
        std::move(slot),
        {{0, size, static_cast<uint8_t*>(destination) + begin}}));
  }
  return absl::OkStatus();
}

// With and without time.
class UploaderDevicesTest : public ::testing::TestWithParam<double> {};

// Each thread has a device current that is in general not the one it feeds.
TEST_P(UploaderDevicesTest, ManyThreadsFeedThreeDevicesFromOnePool) {
  constexpr int kDevices = 3;
  constexpr int kThreads = 2;  // a device
  FakeCudart fake(
      {.device_count = kDevices, .link_bytes_per_second = GetParam()});
  ThreadPool workers(2);
  HOIST_ASSERT_OK_AND_ASSIGN(
      const auto pool,
      PinnedPool::Create({.slot_bytes = kSlot, .max_bytes = 5 * kSlot},
                         &workers));
  std::vector<std::vector<uint8_t>> bytes;
  std::vector<DeviceBuffer> memory;
  std::vector<std::unique_ptr<Uploader>> uploaders;
  std::vector<std::thread> threads;
  for (int device = 0; device < kDevices; ++device) {
    bytes.push_back(RandomBytes(40 * kSlot + 100 * device + 1, device));
    HOIST_ASSERT_OK_AND_ASSIGN(
        DeviceBuffer buffer,
        DeviceBuffer::Allocate(device, bytes[device].size()));
    memory.push_back(std::move(buffer));
    HOIST_ASSERT_OK_AND_ASSIGN(auto uploader,
                               Uploader::Create(device, *pool, 4));
    uploaders.push_back(std::move(uploader));
  }
  for (int device = 0; device < kDevices; ++device) {
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, device, t] {
        const int current = (device + t) % kDevices;
        ASSERT_EQ(cudaSetDevice(current), cudaSuccess);
        HOIST_EXPECT_OK(UploadShare(*uploaders[device], bytes[device],
                                    memory[device].data(), t, kThreads));
        HOIST_EXPECT_OK(uploaders[device]->Finish());
        int after = -1;
        ASSERT_EQ(cudaGetDevice(&after), cudaSuccess);
        EXPECT_EQ(after, current);
      });
    }
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (int device = 0; device < kDevices; ++device) {
    HOIST_EXPECT_OK(uploaders[device]->Finish());
    EXPECT_TRUE(fake.CopyFromDevice(memory[device].data(),
                                    bytes[device].size()) == bytes[device]);
  }
  EXPECT_LE(pool->pinned_bytes(), 5 * kSlot);
}

INSTANTIATE_TEST_SUITE_P(LinkRates, UploaderDevicesTest,
                         ::testing::Values(0.0, 200e6));

// One device's upload rests with all slots in its hands, say because its
// threads read something slow. The other's goes on: it waits for the copies of
// the first, with the first device current.
TEST(UploaderDevicesTest, ARestingUploadDoesNotStopAnother) {
  FakeCudart fake({.device_count = 2});
  const auto pool = MakePool(2);
  HOIST_ASSERT_OK_AND_ASSIGN(const DeviceBuffer resting_memory,
                             DeviceBuffer::Allocate(0, 2 * kSlot));
  HOIST_ASSERT_OK_AND_ASSIGN(const DeviceBuffer memory,
                             DeviceBuffer::Allocate(1, 8 * kSlot));
  HOIST_ASSERT_OK_AND_ASSIGN(const auto resting, Uploader::Create(0, *pool, 2));
  HOIST_ASSERT_OK_AND_ASSIGN(const auto uploader,
                             Uploader::Create(1, *pool, 2));
  HOIST_ASSERT_OK(UploadShare(*resting, RandomBytes(2 * kSlot, 1),
                              resting_memory.data(), 0, 1));
  const std::vector<uint8_t> bytes = RandomBytes(8 * kSlot, 2);
  HOIST_ASSERT_OK(UploadShare(*uploader, bytes, memory.data(), 0, 1));
  HOIST_ASSERT_OK(uploader->Finish());
  EXPECT_TRUE(fake.CopyFromDevice(memory.data(), bytes.size()) == bytes);
  HOIST_ASSERT_OK(resting->Finish());
}

// Whoever waits for the copy of another sees no error of it, and gets the slot.
TEST(UploaderDevicesTest, AFailedDeviceFailsOnlyItsOwnUpload) {
  FakeCudart fake({.device_count = 2});
  const auto pool = MakePool(2);
  HOIST_ASSERT_OK_AND_ASSIGN(const DeviceBuffer failing_memory,
                             DeviceBuffer::Allocate(0, 2 * kSlot));
  HOIST_ASSERT_OK_AND_ASSIGN(const DeviceBuffer memory,
                             DeviceBuffer::Allocate(1, 8 * kSlot));
  HOIST_ASSERT_OK_AND_ASSIGN(const auto failing, Uploader::Create(0, *pool, 2));
  HOIST_ASSERT_OK_AND_ASSIGN(const auto uploader,
                             Uploader::Create(1, *pool, 2));
  HOIST_ASSERT_OK(UploadShare(*failing, RandomBytes(2 * kSlot, 1),
                              failing_memory.data(), 0, 1));
  fake.FailCopy(1, cudaErrorIllegalAddress);
  const std::vector<uint8_t> bytes = RandomBytes(8 * kSlot, 2);
  HOIST_ASSERT_OK(UploadShare(*uploader, bytes, memory.data(), 0, 1));
  HOIST_ASSERT_OK(uploader->Finish());
  EXPECT_TRUE(fake.CopyFromDevice(memory.data(), bytes.size()) == bytes);
  EXPECT_THAT(failing->Finish(), StatusIs(absl::StatusCode::kInternal,
                                          ::testing::HasSubstr("cuda:0")));
  EXPECT_EQ(cudaPeekAtLastError(), cudaSuccess);
}

// As fast as the link, and both links at once: 50 copies of 64 KiB at 16 MiB/s
// take 0.195 s; the best of some runs, as the machine may have other work.
TEST(UploaderDevicesTest, FeedsEachLinkWithoutGaps) {
  constexpr size_t kBytes = 50 * kSlot;
  constexpr double kRate = 16 << 20;
  FakeCudart fake({.device_count = 2, .link_bytes_per_second = kRate});
  const auto pool = MakePool(8);
  std::vector<DeviceBuffer> memory;
  for (int device = 0; device < 2; ++device) {
    HOIST_ASSERT_OK_AND_ASSIGN(DeviceBuffer buffer,
                               DeviceBuffer::Allocate(device, kBytes));
    memory.push_back(std::move(buffer));
  }
  const std::vector<uint8_t> bytes(kBytes, 7);
  double best = 1e9;
  for (int run = 0; run < 20 && best > 1.05 * kBytes / kRate; ++run) {
    const auto begin = std::chrono::steady_clock::now();
    std::vector<std::thread> threads;
    for (int device = 0; device < 2; ++device) {
      threads.emplace_back([&, device] {
        HOIST_ASSERT_OK_AND_ASSIGN(const auto uploader,
                                   Uploader::Create(device, *pool, 4));
        HOIST_EXPECT_OK(
            UploadShare(*uploader, bytes, memory[device].data(), 0, 1));
        HOIST_EXPECT_OK(uploader->Finish());
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
    best = std::min(best, std::chrono::duration<double>(
                              std::chrono::steady_clock::now() - begin)
                              .count());
  }
  EXPECT_GE(best, kBytes / kRate);
  EXPECT_LT(best, 1.05 * kBytes / kRate);
  for (int device = 0; device < 2; ++device) {
    EXPECT_TRUE(fake.CopyFromDevice(memory[device].data(), kBytes) == bytes);
  }
}

}  // namespace
}  // namespace hoist
