#include "hoist/cuda/uploader.h"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/cuda/device_buffer.h"
#include "hoist/cuda/testing/fake_cudart.h"

namespace hoist {
namespace {

using ::testing::_;
using ::testing::Each;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr size_t kSlot = 4096;

int CurrentDevice() {
  int device = -1;
  EXPECT_EQ(cudaGetDevice(&device), cudaSuccess);
  return device;
}

// An Uploader over a pool of two slots, for cuda:1, while cuda:0 is current,
// and memory for four slots there.
class UploaderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
    HOIST_ASSERT_OK_AND_ASSIGN(
        pool_, PinnedPool::Create({.slot_bytes = kSlot, .max_bytes = 2 * kSlot},
                                  nullptr));
    HOIST_ASSERT_OK_AND_ASSIGN(uploader_, Uploader::Create(1, *pool_, 2));
    HOIST_ASSERT_OK_AND_ASSIGN(memory_, DeviceBuffer::Allocate(1, 4 * kSlot));
  }

  void TearDown() override {
    uploader_ = nullptr;
    pool_ = nullptr;
    memory_ = DeviceBuffer();
    EXPECT_EQ(CurrentDevice(), 0);
  }

  Uploader::Slot Acquire() { return AcquireFrom(*uploader_); }
  static Uploader::Slot AcquireFrom(Uploader& uploader) {
    auto slot = uploader.Acquire();
    EXPECT_THAT(slot, IsOk());
    return *std::move(slot);
  }

  // Fills a slot with `value` and submits it to the `index`-th slot's worth of
  // device memory.
  absl::Status Upload(uint8_t value, int index, size_t size = kSlot) {
    auto slot = uploader_->Acquire();
    if (!slot.ok()) {
      return slot.status();
    }
    std::fill(slot->bytes().begin(), slot->bytes().end(), value);
    return uploader_->Submit(*std::move(slot), {{0, size, At(index)}});
  }

  uint8_t* At(int index) {
    return static_cast<uint8_t*>(memory_.data()) + index * kSlot;
  }
  std::vector<uint8_t> OnDevice(int index, size_t size = kSlot) {
    return fake_.CopyFromDevice(At(index), size);
  }

  FakeCudart fake_{{.device_count = 2}};
  std::unique_ptr<PinnedPool> pool_;
  std::unique_ptr<Uploader> uploader_;
  DeviceBuffer memory_;
};

TEST_F(UploaderTest, SlotsArePinnedAndAligned) {
  Uploader::Slot a = Acquire();
  Uploader::Slot b = Acquire();
  EXPECT_EQ(a.bytes().size(), kSlot);
  EXPECT_EQ(b.bytes().size(), kSlot);
  EXPECT_NE(a.bytes().data(), b.bytes().data());
  for (const Uploader::Slot* slot : {&a, &b}) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(slot->bytes().data()) % 4096, 0u);
  }
}

TEST_F(UploaderTest, SubmitDoesNotWaitAndFinishDoes) {
  HOIST_ASSERT_OK(Upload(7, 0));
  EXPECT_EQ(fake_.pending_copies(), 1);
  EXPECT_THAT(OnDevice(0), Each(0xCD));
  HOIST_ASSERT_OK(uploader_->Finish());
  EXPECT_EQ(fake_.pending_copies(), 0);
  EXPECT_THAT(OnDevice(0), Each(7));
  EXPECT_EQ(uploader_->uploaded_bytes(), kSlot);
}

TEST_F(UploaderTest, CopiesWhatTheSlotHeldInItsOrder) {
  Uploader::Slot slot = Acquire();
  std::vector<uint8_t> expected(kSlot);
  for (size_t i = 0; i < kSlot; ++i) {
    expected[i] = static_cast<uint8_t>(i * 31 + i / 256);
  }
  std::copy(expected.begin(), expected.end(), slot.bytes().begin());
  HOIST_ASSERT_OK(uploader_->Submit(std::move(slot), {{0, kSlot, At(2)}}));
  HOIST_ASSERT_OK(uploader_->Finish());
  EXPECT_THAT(OnDevice(2), ElementsAreArray(expected));
  EXPECT_THAT(OnDevice(1), Each(0xCD));
  EXPECT_THAT(OnDevice(3), Each(0xCD));
}

// With more uploads than slots, each slot is refilled while its copy would not
// have run yet if nobody had waited for it; the stand-in would see that.
TEST_F(UploaderTest, ReusesASlotOnlyAfterItsCopy) {
  for (int round = 0; round < 25; ++round) {
    for (int i = 0; i < 4; ++i) {
      HOIST_ASSERT_OK(Upload(static_cast<uint8_t>(4 * round + i), i));
    }
  }
  HOIST_ASSERT_OK(uploader_->Finish());
  for (int i = 0; i < 4; ++i) {
    EXPECT_THAT(OnDevice(i), Each(96 + i));
  }
  EXPECT_THAT(fake_.TakeViolations(), IsEmpty());
  EXPECT_EQ(fake_.CallCount("cudaEventSynchronize"), 100);
  EXPECT_EQ(uploader_->uploaded_bytes(), 100 * kSlot);
}

TEST_F(UploaderTest, WaitsForNoCopyWhileASlotIsFree) {
  HOIST_ASSERT_OK(Upload(1, 0));
  Uploader::Slot slot = Acquire();
  EXPECT_EQ(fake_.CallCount("cudaEventSynchronize"), 0);
  EXPECT_EQ(fake_.pending_copies(), 1);
}

TEST_F(UploaderTest, TheRingWaitsForTheOldestCopyOnly) {
  HOIST_ASSERT_OK(Upload(1, 0));
  HOIST_ASSERT_OK(Upload(2, 1));
  Uploader::Slot slot = Acquire();
  EXPECT_EQ(fake_.pending_copies(), 1);
  EXPECT_THAT(OnDevice(0), Each(1));
  EXPECT_THAT(OnDevice(1), Each(0xCD));
}

TEST_F(UploaderTest, SizesFromNothingToAWholeSlot) {
  HOIST_EXPECT_OK(Upload(1, 0, 0));
  EXPECT_EQ(fake_.CallCount("cudaMemcpyAsync"), 0);
  HOIST_EXPECT_OK(Upload(2, 1, 1));
  HOIST_EXPECT_OK(Upload(3, 2, kSlot));
  EXPECT_THAT(Upload(4, 3, kSlot + 1),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "A copy of 4097 bytes at 0 exceeds the slot's 4096"));
  HOIST_EXPECT_OK(uploader_->Finish());
  EXPECT_THAT(OnDevice(0), Each(0xCD));
  EXPECT_EQ(OnDevice(1)[0], 2);
  EXPECT_EQ(OnDevice(1)[1], 0xCD);
  EXPECT_THAT(OnDevice(2), Each(3));
  EXPECT_THAT(OnDevice(3), Each(0xCD));
  EXPECT_EQ(uploader_->uploaded_bytes(), kSlot + 1);
}

TEST_F(UploaderTest, CopiesPiecesOfASlot) {
  Uploader::Slot slot = Acquire();
  for (size_t i = 0; i < kSlot; ++i) {
    slot.bytes()[i] = static_cast<uint8_t>(i / 16);
  }
  HOIST_ASSERT_OK(uploader_->Submit(
      std::move(slot),
      {{16, 32, At(0)}, {0, 0, nullptr}, {kSlot - 1, 1, At(1)}}));
  EXPECT_EQ(fake_.CallCount("cudaMemcpyAsync"), 2);
  EXPECT_EQ(fake_.CallCount("cudaEventRecord"), 1);
  HOIST_ASSERT_OK(uploader_->Finish());
  EXPECT_THAT(OnDevice(0, 16), Each(1));
  EXPECT_EQ(OnDevice(0)[16], 2);
  EXPECT_EQ(OnDevice(0)[32], 0xCD);
  EXPECT_EQ(OnDevice(1)[0], 255);
  EXPECT_EQ(uploader_->uploaded_bytes(), 33u);
}

TEST_F(UploaderTest, RefusesPiecesOutsideTheSlotAndThenCopiesNone) {
  for (const Uploader::Copy& copy : {
           Uploader::Copy{1, kSlot, At(1)},
           Uploader::Copy{kSlot + 1, 0, At(1)},
           Uploader::Copy{kSlot, std::numeric_limits<size_t>::max(), At(1)},
           Uploader::Copy{std::numeric_limits<size_t>::max(), 2, At(1)},
       }) {
    EXPECT_THAT(uploader_->Submit(Acquire(), {{0, 1, At(0)}, copy}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("exceeds the slot's")));
  }
  EXPECT_EQ(fake_.CallCount("cudaMemcpyAsync"), 0);
}

TEST_F(UploaderTest, SizeZeroNeedsNoDestination) {
  HOIST_EXPECT_OK(uploader_->Submit(Acquire(), {{0, 0, nullptr}}));
  EXPECT_THAT(uploader_->Submit(Acquire(), {{0, 1, nullptr}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("no destination")));
}

TEST_F(UploaderTest, RefusedSubmitsGiveTheSlotBackAndAreNotSticky) {
  for (int i = 0; i < 10; ++i) {
    EXPECT_THAT(uploader_->Submit(Acquire(), {{0, kSlot + 1, At(0)}}),
                StatusIs(absl::StatusCode::kInvalidArgument, _));
    EXPECT_THAT(uploader_->Submit(Acquire(), {{0, kSlot, nullptr}}),
                StatusIs(absl::StatusCode::kInvalidArgument, _));
  }
  HOIST_EXPECT_OK(Upload(5, 0));
  HOIST_EXPECT_OK(uploader_->Finish());
  EXPECT_THAT(OnDevice(0), Each(5));
}

TEST_F(UploaderTest, RefusesEmptySlotsAndThoseOfOthers) {
  Uploader::Slot slot = Acquire();
  const Uploader::Slot taken = std::move(slot);
  EXPECT_TRUE(slot.bytes().empty());
  EXPECT_THAT(uploader_->Submit(std::move(slot), {{0, 1, At(0)}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("not one of this Uploader's")));
  HOIST_ASSERT_OK_AND_ASSIGN(const auto other, Uploader::Create(1, *pool_, 1));
  for (int i = 0; i < 3; ++i) {  // would hang if the slot were lost
    EXPECT_THAT(uploader_->Submit(AcquireFrom(*other), {{0, 1, At(0)}}),
                StatusIs(absl::StatusCode::kInvalidArgument, _));
  }
  EXPECT_EQ(fake_.CallCount("cudaMemcpyAsync"), 0);
}

TEST_F(UploaderTest, UnusedSlotsGoBack) {
  for (int i = 0; i < 10; ++i) {
    Uploader::Slot slot = Acquire();
    Uploader::Slot other = Acquire();
    slot = std::move(other);
  }
  EXPECT_EQ(fake_.CallCount("cudaEventSynchronize"), 0);
}

TEST_F(UploaderTest, FinishMayBeCalledRepeatedly) {
  HOIST_EXPECT_OK(uploader_->Finish());
  HOIST_EXPECT_OK(Upload(1, 0));
  HOIST_EXPECT_OK(uploader_->Finish());
  HOIST_EXPECT_OK(uploader_->Finish());
  HOIST_EXPECT_OK(Upload(2, 0));
  HOIST_EXPECT_OK(uploader_->Finish());
  EXPECT_THAT(OnDevice(0), Each(2));
}

TEST_F(UploaderTest, TheDestructorWaitsForCopies) {
  HOIST_ASSERT_OK(Upload(1, 0));
  HOIST_ASSERT_OK(Upload(2, 1));
  uploader_ = nullptr;
  EXPECT_THAT(OnDevice(0), Each(1));
  EXPECT_THAT(OnDevice(1), Each(2));
}

TEST_F(UploaderTest, EveryCallLeavesTheCurrentDeviceAsItWas) {
  ASSERT_EQ(CurrentDevice(), 0);
  for (int i = 0; i < 3; ++i) {
    std::optional<Uploader::Slot> slot = Acquire();
    EXPECT_EQ(CurrentDevice(), 0);
    HOIST_EXPECT_OK(uploader_->Submit(*std::move(slot), {{0, kSlot, At(0)}}));
    EXPECT_EQ(CurrentDevice(), 0);
  }
  HOIST_EXPECT_OK(uploader_->Finish());
  EXPECT_EQ(CurrentDevice(), 0);
  uploader_ = nullptr;
  EXPECT_EQ(CurrentDevice(), 0);
}

TEST(UploaderCreateTest, TheSmallestPoolWorks) {
  FakeCudart fake;
  HOIST_ASSERT_OK_AND_ASSIGN(const DeviceBuffer memory,
                             DeviceBuffer::Allocate(0, 3));
  HOIST_ASSERT_OK_AND_ASSIGN(
      const auto pool,
      PinnedPool::Create({.slot_bytes = kSlot, .max_bytes = kSlot}, nullptr));
  HOIST_ASSERT_OK_AND_ASSIGN(const auto uploader,
                             Uploader::Create(0, *pool, 4));
  for (uint8_t i = 0; i < 3; ++i) {
    HOIST_ASSERT_OK_AND_ASSIGN(Uploader::Slot slot, uploader->Acquire());
    slot.bytes()[0] = i;
    HOIST_ASSERT_OK(uploader->Submit(
        std::move(slot), {{0, 1, static_cast<uint8_t*>(memory.data()) + i}}));
  }
  HOIST_ASSERT_OK(uploader->Finish());
  EXPECT_THAT(fake.CopyFromDevice(memory.data(), 3),
              ::testing::ElementsAre(0, 1, 2));
  EXPECT_EQ(pool->pinned_bytes(), kSlot);
}

TEST(UploaderCreateTest, RefusesWhatCannotWork) {
  FakeCudart fake;
  HOIST_ASSERT_OK_AND_ASSIGN(const auto pool, PinnedPool::Create({}, nullptr));
  EXPECT_THAT(
      Uploader::Create(0, *pool, 0),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("0 slots")));
  EXPECT_THAT(Uploader::Create(1, *pool, 2),
              StatusIs(absl::StatusCode::kInvalidArgument, _));
}

// An upload may ask for more than there can be.
TEST(UploaderCreateTest, MakesNoMoreEventsThanThePoolHasSlots) {
  FakeCudart fake;
  HOIST_ASSERT_OK_AND_ASSIGN(
      const auto pool,
      PinnedPool::Create({.slot_bytes = kSlot, .max_bytes = 3 * kSlot},
                         nullptr));
  HOIST_ASSERT_OK(Uploader::Create(0, *pool, std::numeric_limits<int>::max()));
  EXPECT_EQ(fake.CallCount("cudaEventCreateWithFlags"), 3);
}

TEST(UploaderCreateTest, WithoutADeviceIsUnavailable) {
  FakeCudart fake({.device_count = 0});
  HOIST_ASSERT_OK_AND_ASSIGN(const auto pool, PinnedPool::Create({}, nullptr));
  EXPECT_THAT(Uploader::Create(0, *pool, 2),
              StatusIs(absl::StatusCode::kUnavailable, _));
}

}  // namespace
}  // namespace hoist
