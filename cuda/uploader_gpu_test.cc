// The Uploader against the real CUDA runtime and a GPU.

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/thread/thread_pool.h"
#include "hoist/cuda/device_buffer.h"
#include "hoist/cuda/device_info.h"
#include "hoist/cuda/uploader.h"

namespace hoist {
namespace {

using ::testing::_;

std::vector<uint8_t> RandomBytes(size_t size) {
  std::minstd_rand random(1);
  std::vector<uint8_t> bytes(size);
  for (uint8_t& byte : bytes) {
    byte = static_cast<uint8_t>(random() >> 8);
  }
  return bytes;
}

std::vector<uint8_t> CopyFromDevice(const DeviceBuffer& memory) {
  std::vector<uint8_t> bytes(memory.size_bytes());
  EXPECT_EQ(cudaMemcpy(bytes.data(), memory.data(), bytes.size(),
                       cudaMemcpyDeviceToHost),
            cudaSuccess);
  return bytes;
}

TEST(UploaderGpuTest, DescribesTheDevice) {
  HOIST_ASSERT_OK_AND_ASSIGN(const int count, DeviceCount());
  EXPECT_GE(count, 1);
  HOIST_ASSERT_OK_AND_ASSIGN(const DeviceInfo info, GetDeviceInfo(0));
  EXPECT_NE(info.name, "");
  EXPECT_GT(info.free_bytes, 0u);
  EXPECT_GE(info.total_bytes, info.free_bytes);
  EXPECT_GE(info.compute_major, 1);
}

// Many more bytes than the ring has, from several threads, so that every slot
// is reused while copies are under way.
TEST(UploaderGpuTest, RoundTrip) {
  constexpr size_t kSlot = size_t{1} << 20;
  constexpr int kThreads = 4;
  constexpr size_t kTail = 12345;  // the last chunk is a short one
  const std::vector<uint8_t> expected = RandomBytes(256 * kSlot + kTail);
  HOIST_ASSERT_OK_AND_ASSIGN(const DeviceBuffer memory,
                             DeviceBuffer::Allocate(0, expected.size()));
  ThreadPool workers(2);
  HOIST_ASSERT_OK_AND_ASSIGN(
      const auto pool,
      PinnedPool::Create({.slot_bytes = kSlot, .max_bytes = 3 * kSlot},
                         &workers));
  HOIST_ASSERT_OK_AND_ASSIGN(const auto uploader,
                             Uploader::Create(0, *pool, 3));
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (size_t begin = t * kSlot; begin < expected.size();
           begin += kThreads * kSlot) {
        const size_t size = std::min(kSlot, expected.size() - begin);
        HOIST_ASSERT_OK_AND_ASSIGN(Uploader::Slot slot, uploader->Acquire());
        std::copy_n(expected.begin() + begin, size, slot.bytes().begin());
        HOIST_ASSERT_OK(uploader->Submit(
            std::move(slot),
            {{0, size, static_cast<uint8_t*>(memory.data()) + begin}}));
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  HOIST_ASSERT_OK(uploader->Finish());
  EXPECT_EQ(uploader->uploaded_bytes(), expected.size());
  EXPECT_TRUE(CopyFromDevice(memory) == expected);
}

TEST(UploaderGpuTest, TheDestructorWaitsForCopies) {
  const std::vector<uint8_t> expected = RandomBytes(size_t{16} << 20);
  HOIST_ASSERT_OK_AND_ASSIGN(const DeviceBuffer memory,
                             DeviceBuffer::Allocate(0, expected.size()));
  HOIST_ASSERT_OK_AND_ASSIGN(const auto pool,
                             PinnedPool::Create({.slot_bytes = expected.size(),
                                                 .max_bytes = expected.size()},
                                                nullptr));
  {
    HOIST_ASSERT_OK_AND_ASSIGN(const auto uploader,
                               Uploader::Create(0, *pool, 1));
    HOIST_ASSERT_OK_AND_ASSIGN(Uploader::Slot slot, uploader->Acquire());
    std::copy(expected.begin(), expected.end(), slot.bytes().begin());
    HOIST_ASSERT_OK(uploader->Submit(std::move(slot),
                                     {{0, expected.size(), memory.data()}}));
  }
  EXPECT_TRUE(CopyFromDevice(memory) == expected);
}

TEST(UploaderGpuTest, MoreMemoryThanTheDeviceHasIsResourceExhausted) {
  HOIST_ASSERT_OK_AND_ASSIGN(const DeviceInfo info, GetDeviceInfo(0));
  EXPECT_THAT(DeviceBuffer::Allocate(0, info.total_bytes + 1),
              StatusIs(absl::StatusCode::kResourceExhausted, _));
  EXPECT_EQ(cudaPeekAtLastError(), cudaSuccess);
}

TEST(UploaderGpuTest, ADeviceThatIsNotThereIsRefused) {
  HOIST_ASSERT_OK_AND_ASSIGN(const int count, DeviceCount());
  HOIST_ASSERT_OK_AND_ASSIGN(const auto pool, PinnedPool::Create({}, nullptr));
  EXPECT_THAT(Uploader::Create(count, *pool, 1),
              StatusIs(absl::StatusCode::kInvalidArgument, _));
}

}  // namespace
}  // namespace hoist
