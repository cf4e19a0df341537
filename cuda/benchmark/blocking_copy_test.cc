#include "hoist/cuda/benchmark/blocking_copy.h"

#include <algorithm>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/cuda/pinned_buffer.h"
#include "hoist/cuda/testing/fake_cudart.h"

namespace hoist {
namespace {

using ::testing::Each;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr size_t kBytes = 10'000;

TEST(BlockingCopyTest, PinnedMemoryIsOnTheDeviceAfterwards) {
  const FakeCudart fake;
  HOIST_ASSERT_OK_AND_ASSIGN(const DeviceBuffer destination,
                             DeviceBuffer::Allocate(0, kBytes));
  HOIST_ASSERT_OK_AND_ASSIGN(const PinnedBuffer source,
                             PinnedBuffer::Allocate(0, kBytes));
  std::fill(source.bytes().begin(), source.bytes().end(), 7);
  HOIST_ASSERT_OK(BlockingCopy(source.bytes(), destination));
  EXPECT_THAT(fake.CopyFromDevice(destination.data(), kBytes), Each(7));
}

TEST(BlockingCopyTest, PageableMemoryIsCopiedAsWhatItIs) {
  FakeCudart fake;
  HOIST_ASSERT_OK_AND_ASSIGN(const DeviceBuffer destination,
                             DeviceBuffer::Allocate(0, kBytes));
  const std::vector<uint8_t> source(kBytes, 7);
  HOIST_ASSERT_OK(BlockingCopy(source, destination));
  EXPECT_THAT(fake.CopyFromDevice(destination.data(), kBytes), Each(7));
  EXPECT_THAT(fake.TakeViolations(), Not(IsEmpty()));
}

TEST(BlockingCopyTest, MoreThanTheDestinationIsRefused) {
  const FakeCudart fake;
  HOIST_ASSERT_OK_AND_ASSIGN(const DeviceBuffer destination,
                             DeviceBuffer::Allocate(0, kBytes));
  const std::vector<uint8_t> source(kBytes + 1);
  EXPECT_EQ(BlockingCopy(source, destination).code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace hoist
