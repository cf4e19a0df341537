#include "hoist/cuda/testing/fake_device_memory.h"

#include <sys/mman.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <fstream>
#include <thread>

#include "gtest/gtest.h"

namespace hoist {
namespace {

size_t PagesOfThisProcess() {
  size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages;
}

TEST(FakeDeviceMemoryTest, IsPoisonedAndFoundByRange) {
  FakeDeviceMemory memory;
  auto* const data = static_cast<uint8_t*>(memory.Allocate(1, 100));
  ASSERT_NE(data, nullptr);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(data) % 256, 0u);
  EXPECT_EQ(memory.used_bytes(1), 100u);
  EXPECT_EQ(memory.used_bytes(0), 0u);
  const FakeDeviceMemory::Range range = memory.Find(data + 10, 90);
  ASSERT_NE(range.alias, nullptr);
  EXPECT_EQ(range.device, 1);
  EXPECT_EQ(range.alias[0], FakeDeviceMemory::kPoison);
  EXPECT_EQ(memory.Find(data + 10, 91).alias, nullptr);
  EXPECT_EQ(memory.Find(data - 1, 1).alias, nullptr);
}

TEST(FakeDeviceMemoryTest, NeverReusesAnAddress) {
  FakeDeviceMemory memory;
  void* const first = memory.Allocate(0, 100);
  EXPECT_TRUE(memory.Free(first));
  EXPECT_FALSE(memory.Free(first));
  EXPECT_EQ(memory.Find(first, 1).alias, nullptr);
  for (int i = 0; i < 100; ++i) {
    EXPECT_NE(memory.Allocate(0, 100), first);
  }
  EXPECT_EQ(memory.allocation_count(), 100u);
}

// What is taken, which the kernel tells, was taken before.
TEST(FakeDeviceMemoryTest, PreparedMemoryIsUsedOnce) {
  constexpr size_t kSize = size_t{64} << 20;
  FakeDeviceMemory memory;
  ASSERT_TRUE(memory.Prepare(kSize));
  EXPECT_EQ(memory.allocation_count(), 0u);
  const size_t before = PagesOfThisProcess();
  void* const too_large = memory.Allocate(0, kSize + 4096);
  const size_t between = PagesOfThisProcess();
  EXPECT_GE(between, before + kSize / 4096);
  void* const data = memory.Allocate(0, kSize - 1);
  EXPECT_LT(PagesOfThisProcess(), between + 1000);
  EXPECT_EQ(memory.Find(data, 1).alias[0], FakeDeviceMemory::kPoison);
  EXPECT_EQ(memory.Find(data, kSize).alias, nullptr);
  EXPECT_NE(memory.Allocate(0, kSize - 1), data);
  EXPECT_TRUE(memory.Free(data));
  EXPECT_TRUE(memory.Free(too_large));
}

TEST(FakeDeviceMemoryDeathTest, FaultsWhenTheCpuTouchesIt) {
  FakeDeviceMemory memory;
  auto* const data = static_cast<volatile uint8_t*>(memory.Allocate(0, 100));
  EXPECT_DEATH(data[0] = 1, "");
  memory.Free(const_cast<uint8_t*>(data));
  EXPECT_DEATH(data[0] = 1, "");
}

// It would fault, or lose its bytes.
TEST(FakeDeviceMemoryTest, WhatOthersMapIsNotReplacedByWhatIsFreed) {
  constexpr size_t kSize = 32 << 10;
  std::atomic<bool> is_over = false;
  std::thread other([&is_over] {
    while (!is_over) {
      // More than the places of one allocation.
      std::array<void*, 3> places;
      for (void*& place : places) {
        place = mmap(nullptr, kSize, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        ASSERT_NE(place, MAP_FAILED);
      }
      for (void* const place : places) {
        *static_cast<volatile uint8_t*>(place) = 1;
        munmap(place, kSize);
      }
    }
  });
  FakeDeviceMemory memory;
  for (int i = 0; i < 20000; ++i) {
    EXPECT_TRUE(memory.Free(memory.Allocate(0, kSize)));
  }
  is_over = true;
  other.join();
}

}  // namespace
}  // namespace hoist
