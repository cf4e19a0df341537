// What a build without the CUDA toolkit says.

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/cuda/device_buffer.h"
#include "hoist/cuda/device_info.h"
#include "hoist/cuda/pinned_buffer.h"
#include "hoist/cuda/pinned_pool.h"
#include "hoist/cuda/uploader.h"

namespace hoist {
namespace {

using ::testing::HasSubstr;

TEST(AbsentTest, EverythingIsUnavailableWithAHint) {
  HOIST_ASSERT_OK_AND_ASSIGN(const auto pool, PinnedPool::Create({}, nullptr));
  PinnedPool::Borrower borrower(*pool, 0, 1);
  for (const absl::Status& status :
       {DeviceCount().status(), GetDeviceInfo(0).status(),
        DeviceBuffer::Allocate(0, 1).status(),
        PinnedBuffer::Allocate(0, 1).status(), borrower.Acquire().status(),
        Uploader::Create(0, *pool, 1).status()}) {
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable,
                                 "Hoist was built without CUDA"));
    EXPECT_THAT(HintOf(status), HasSubstr("--device=cpu"));
  }
}

TEST(AbsentTest, EmptyBuffersWork) {
  DeviceBuffer device;
  device = DeviceBuffer();
  EXPECT_EQ(device.data(), nullptr);
  const PinnedBuffer pinned;
  EXPECT_TRUE(pinned.bytes().empty());
}

}  // namespace
}  // namespace hoist
