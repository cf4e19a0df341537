#include "hoist/cuda/device_digests.h"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/ops/digest.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/cuda/device_buffer.h"
#include "hoist/cuda/testing/fake_cudart.h"
#include "hoist/cuda/uploader.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr size_t kSlot = 4096;

// The stand-in runs no kernels, so that the digests are the host's here; those
// of a device are compared with them in kernels/kernels_gpu_test.
class DeviceDigestsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    HOIST_ASSERT_OK_AND_ASSIGN(
        pool_, PinnedPool::Create({.slot_bytes = kSlot, .max_bytes = 2 * kSlot},
                                  nullptr));
    HOIST_ASSERT_OK_AND_ASSIGN(memory_, DeviceBuffer::Allocate(1, 4 * kSlot));
    content_.resize(4 * kSlot);
    for (size_t i = 0; i < content_.size(); ++i) {
      content_[i] = static_cast<uint8_t>(i * 7 + i / 251);
    }
    HOIST_ASSERT_OK(Upload());
  }
  void TearDown() override {
    pool_ = nullptr;
    memory_ = DeviceBuffer();
  }

  absl::Status Upload() {
    HOIST_ASSIGN_OR_RETURN(const auto uploader, Uploader::Create(1, *pool_, 2));
    for (size_t at = 0; at < content_.size(); at += kSlot) {
      HOIST_ASSIGN_OR_RETURN(Uploader::Slot slot, uploader->Acquire());
      std::copy_n(content_.begin() + static_cast<ptrdiff_t>(at), kSlot,
                  slot.bytes().begin());
      HOIST_RETURN_IF_ERROR(
          uploader->Submit(std::move(slot), {{0, kSlot, At(at)}}));
    }
    return uploader->Finish();
  }
  uint8_t* At(size_t offset) {
    return static_cast<uint8_t*>(memory_.data()) + offset;
  }
  std::vector<uint64_t> Digests(const std::vector<DeviceRange>& ranges) {
    auto digests = DeviceDigests(1, ranges, *pool_);
    EXPECT_THAT(digests, IsOk());
    return digests.ok() ? *std::move(digests) : std::vector<uint64_t>();
  }
  uint64_t Expected(size_t offset, size_t size) const {
    return Digest64(absl::MakeConstSpan(content_).subspan(offset, size));
  }

  FakeCudart fake_{{.device_count = 2}};
  std::unique_ptr<PinnedPool> pool_;
  DeviceBuffer memory_;
  std::vector<uint8_t> content_;
};

TEST_F(DeviceDigestsTest, OfAnyRanges) {
  EXPECT_THAT(Digests({{At(0), 4 * kSlot},
                       {At(3), 2 * kSlot + 5},
                       {At(100), 0},
                       {At(kSlot), 1}}),
              ElementsAre(Expected(0, 4 * kSlot), Expected(3, 2 * kSlot + 5),
                          Expected(0, 0), Expected(kSlot, 1)));
  EXPECT_THAT(Digests({}), IsEmpty());
}

TEST_F(DeviceDigestsTest, OfWhatIsThereNow) {
  const uint64_t before = Expected(0, content_.size());
  content_[2 * kSlot] ^= 1;
  EXPECT_THAT(Digests({{At(0), 4 * kSlot}}), ElementsAre(before));
  HOIST_ASSERT_OK(Upload());
  EXPECT_THAT(Digests({{At(0), 4 * kSlot}}),
              ElementsAre(Expected(0, content_.size())));
  EXPECT_NE(Expected(0, content_.size()), before);
}

// And then the next call works, unless the device is dead.
TEST_F(DeviceDigestsTest, EveryCallMayFail) {
  const std::vector<DeviceRange> ranges = {{At(0), 4 * kSlot}};
  HOIST_ASSERT_OK(DeviceDigests(1, ranges, *pool_).status());
  for (const char* function : {"cudaStreamCreateWithFlags", "cudaMalloc",
                               "cudaMemcpyAsync", "cudaStreamSynchronize"}) {
    // The first wait is for the kernels, which have not been started.
    const int nth = std::string(function) == "cudaStreamSynchronize" ? 2 : 1;
    fake_.FailCall(function, nth, cudaErrorUnknown);
    EXPECT_THAT(DeviceDigests(1, ranges, *pool_).status(),
                StatusIs(absl::StatusCode::kInternal))
        << function;
    HOIST_EXPECT_OK(DeviceDigests(1, ranges, *pool_).status());
  }
}

}  // namespace
}  // namespace hoist
