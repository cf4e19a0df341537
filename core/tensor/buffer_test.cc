#include "hoist/core/tensor/buffer.h"

#include <cstring>
#include <limits>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::HasSubstr;

TEST(BufferTest, AllocatesAlignedHostMemory) {
  for (const size_t size : {1u, 63u, 64u, 65u, 1000003u}) {
    HOIST_ASSERT_OK_AND_ASSIGN(const auto buffer, Buffer::Allocate(size));
    EXPECT_EQ(buffer->size_bytes(), size);
    EXPECT_EQ(buffer->device(), Device::Cpu());
    EXPECT_EQ(
        reinterpret_cast<uintptr_t>(buffer->data()) % Buffer::kAlignmentBytes,
        0u);
    EXPECT_EQ(buffer->host_bytes().data(), buffer->data());
    ASSERT_EQ(buffer->host_bytes().size(), size);
    std::memset(buffer->data(), 0xab, size);
    EXPECT_EQ(buffer->host_bytes().back(), 0xab);
  }
}

TEST(BufferTest, SizeZeroHasNoMemory) {
  HOIST_ASSERT_OK_AND_ASSIGN(const auto buffer, Buffer::Allocate(0));
  EXPECT_EQ(buffer->data(), nullptr);
  EXPECT_EQ(buffer->size_bytes(), 0u);
  EXPECT_TRUE(buffer->host_bytes().empty());
}

TEST(BufferTest, TooLittleMemoryIsAnError) {
  for (const size_t size :
       {std::numeric_limits<size_t>::max(),
        std::numeric_limits<size_t>::max() / 2 + 1, size_t{1} << 62}) {
    EXPECT_THAT(Buffer::Allocate(size),
                StatusIs(absl::StatusCode::kResourceExhausted,
                         HasSubstr(std::to_string(size))));
  }
}

TEST(BufferTest, ReleasesWrappedMemoryOnceWithTheLastReference) {
  std::vector<uint8_t> memory(10);
  int released = 0;
  std::shared_ptr<Buffer> first = Buffer::Wrap(
      memory.data(), memory.size(), Device::Cpu(), [&] { ++released; });
  EXPECT_EQ(first->data(), memory.data());
  EXPECT_EQ(first->host_bytes().size(), 10u);
  std::shared_ptr<Buffer> second = first;
  first.reset();
  EXPECT_EQ(released, 0);
  second.reset();
  EXPECT_EQ(released, 1);
}

TEST(BufferTest, WrapsWithoutRelease) {
  uint8_t memory = 0;
  EXPECT_EQ(Buffer::Wrap(&memory, 1, Device::Cpu(), nullptr)->data(), &memory);
}

TEST(BufferDeathTest, HasNoHostBytesOnADevice) {
  uint8_t memory = 0;
  const auto buffer = Buffer::Wrap(&memory, 1, Device::Cuda(1), nullptr);
  EXPECT_EQ(buffer->device(), Device::Cuda(1));
  EXPECT_DEATH(buffer->host_bytes(), "HOIST_CHECK failed");
}

}  // namespace
}  // namespace hoist
