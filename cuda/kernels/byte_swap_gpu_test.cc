// The device version on a GPU, against a plain oracle.

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/cuda/device_buffer.h"
#include "hoist/cuda/kernels/byte_swap.h"
#include "hoist/cuda/stream.h"

namespace hoist {
namespace {

// Swaps `bytes` on the device; returns nothing after a failure.
std::vector<uint8_t> SwappedOnDevice(std::vector<uint8_t> bytes, int size) {
  auto memory = DeviceBuffer::Allocate(0, bytes.size());
  auto stream = Stream::Create(0);
  EXPECT_THAT(memory, IsOk());
  EXPECT_THAT(stream, IsOk());
  if (!memory.ok() || !stream.ok()) {
    return {};
  }
  EXPECT_EQ(cudaMemcpy(memory->data(), bytes.data(), bytes.size(),
                       cudaMemcpyHostToDevice),
            cudaSuccess);
  // A copy of pageable memory may end after cudaMemcpy has returned, and the
  // stream does not wait for the default one.
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  HOIST_EXPECT_OK(ByteSwapOnDevice(0, memory->data(), bytes.size() / size, size,
                                   stream->get()));
  EXPECT_EQ(cudaStreamSynchronize(stream->get()), cudaSuccess);
  EXPECT_EQ(cudaMemcpy(bytes.data(), memory->data(), bytes.size(),
                       cudaMemcpyDeviceToHost),
            cudaSuccess);
  return bytes;
}

std::vector<uint8_t> Reversed(std::vector<uint8_t> bytes, int size) {
  for (size_t i = 0; i + size <= bytes.size(); i += size) {
    std::reverse(bytes.begin() + i, bytes.begin() + i + size);
  }
  return bytes;
}

TEST(ByteSwapGpuTest, AllTwoByteValues) {
  std::vector<uint8_t> bytes(131072);
  for (size_t i = 0; i < 65536; ++i) {
    bytes[2 * i] = static_cast<uint8_t>(i);
    bytes[2 * i + 1] = static_cast<uint8_t>(i >> 8);
  }
  EXPECT_TRUE(SwappedOnDevice(bytes, 2) == Reversed(bytes, 2));
}

// From one element to more than one pass of the grid.
TEST(ByteSwapGpuTest, EqualsTheOracleAtEverySizeAndCount) {
  std::mt19937_64 random(1);
  for (const int size : {2, 4, 8}) {
    for (const size_t count : {1, 255, 256, 257, 4096 * 256 + 1, 5000000}) {
      std::vector<uint8_t> bytes(count * size);
      for (uint8_t& byte : bytes) {
        byte = static_cast<uint8_t>(random());
      }
      EXPECT_TRUE(SwappedOnDevice(bytes, size) == Reversed(bytes, size))
          << count << " elements of " << size << " bytes";
    }
  }
}

TEST(ByteSwapGpuTest, TouchesNothingBehindTheLastElement) {
  std::vector<uint8_t> bytes = {1, 2, 3, 4, 5, 6, 7};
  EXPECT_TRUE(SwappedOnDevice(bytes, 4) == Reversed(bytes, 4));
}

}  // namespace
}  // namespace hoist
