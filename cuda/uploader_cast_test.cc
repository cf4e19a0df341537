// Casts on their way to the device, over the stand-in, which runs their kernels
// on the host.

#include <cuda_runtime_api.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/cuda/device_buffer.h"
#include "hoist/cuda/kernels/cast.h"
#include "hoist/cuda/stream.h"
#include "hoist/cuda/testing/fake_casts.h"
#include "hoist/cuda/testing/fake_cudart.h"
#include "hoist/cuda/uploader.h"

namespace hoist {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;

constexpr size_t kSlot = 4096;
constexpr size_t kCount = kSlot / sizeof(int32_t);  // elements of a slot
constexpr int kSlots = 3;
constexpr int kChunks = 20;

// What becomes int64_t there.
void Fill(absl::Span<uint8_t> bytes, int32_t value) {
  const std::vector<int32_t> values(kCount, value);
  std::memcpy(bytes.data(), values.data(), kSlot);
}

class UploaderCastTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fake_.SetKernels(FakeCast);
    HOIST_ASSERT_OK_AND_ASSIGN(
        pool_,
        PinnedPool::Create({.slot_bytes = kSlot, .max_bytes = kSlots * kSlot},
                           nullptr));
    HOIST_ASSERT_OK_AND_ASSIGN(memory_,
                               DeviceBuffer::Allocate(1, kChunks * 2 * kSlot));
  }
  void TearDown() override {
    uploader_ = nullptr;
    pool_ = nullptr;
    memory_ = DeviceBuffer();
  }

  absl::Status Create(size_t cast_bytes = kSlot) {
    auto uploader =
        Uploader::Create(1, *pool_, kSlots, {.cast_bytes = cast_bytes});
    if (uploader.ok()) {
      uploader_ = *std::move(uploader);
    }
    return uploader.status();
  }
  int64_t* At(int chunk) {
    return static_cast<int64_t*>(memory_.data()) + kCount * chunk;
  }
  Uploader::Cast CastTo(int chunk) {
    return {.count = kCount,
            .from = DType::kInt32,
            .to = DType::kInt64,
            .device_destination = At(chunk)};
  }
  absl::Status Submit(const std::vector<Uploader::Cast>& casts,
                      int32_t value = 1) {
    auto slot = uploader_->Acquire();
    if (!slot.ok()) {
      return slot.status();
    }
    Fill(slot->bytes(), value);
    return uploader_->Submit(*std::move(slot), {}, casts);
  }
  std::vector<int64_t> ValuesOf(int chunk) {
    const auto bytes = fake_.CopyFromDevice(At(chunk), 2 * kSlot);
    std::vector<int64_t> values(kCount);
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }

  FakeCudart fake_{{.device_count = 2}};
  std::unique_ptr<PinnedPool> pool_;
  DeviceBuffer memory_;
  std::unique_ptr<Uploader> uploader_;
};

TEST_F(UploaderCastTest, ThreadsThatShareSlotsGetTheirOwnNumbers) {
  HOIST_ASSERT_OK(Create());
  EXPECT_TRUE(uploader_->can_cast());
  EXPECT_EQ(uploader_->cast_memory_bytes(), kSlots * kSlot);
  // All have copied before the first casts.
  fake_.Pause("cudaLaunchKernel");
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kSlots; ++thread) {
    threads.emplace_back([this, thread] {
      for (int chunk = thread; chunk < kChunks; chunk += kSlots) {
        HOIST_EXPECT_OK(Submit({CastTo(chunk)}, -chunk));
      }
    });
  }
  fake_.WaitForPaused("cudaLaunchKernel", kSlots);
  fake_.Resume("cudaLaunchKernel");
  for (std::thread& thread : threads) {
    thread.join();
  }
  HOIST_ASSERT_OK(uploader_->Finish());
  for (int chunk = 0; chunk < kChunks; ++chunk) {
    EXPECT_THAT(ValuesOf(chunk), Each(-chunk));
  }
  // What crossed the link.
  EXPECT_EQ(uploader_->uploaded_bytes(), kChunks * kSlot);
}

TEST_F(UploaderCastTest, CopiesAndSeveralCastsOfOneSlot) {
  HOIST_ASSERT_OK(Create());
  HOIST_ASSERT_OK_AND_ASSIGN(Uploader::Slot slot, uploader_->Acquire());
  Fill(slot.bytes(), 5);
  HOIST_ASSERT_OK(uploader_->Submit(
      std::move(slot), {{.size_bytes = 8, .device_destination = At(2)}},
      {{.offset_bytes = 4,
        .count = 3,
        .from = DType::kInt32,
        .to = DType::kInt64,
        .device_destination = At(0)},
       {.offset_bytes = 8,
        .count = 2,
        .from = DType::kInt8,
        .to = DType::kInt64,
        .device_destination = At(1)}}));
  HOIST_ASSERT_OK(uploader_->Finish());
  EXPECT_EQ(ValuesOf(0)[2], 5);
  EXPECT_EQ(ValuesOf(1)[0], 5);
  EXPECT_EQ(ValuesOf(1)[1], 0);
  EXPECT_EQ(ValuesOf(2)[0], (int64_t{5} << 32) + 5);
}

TEST_F(UploaderCastTest, ADeviceWithoutCodeCannotCast) {
  fake_.SetKernels(nullptr);
  HOIST_ASSERT_OK(Create());
  EXPECT_FALSE(uploader_->can_cast());
  EXPECT_EQ(uploader_->cast_memory_bytes(), 0u);
  EXPECT_THAT(Submit({CastTo(0)}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  HOIST_EXPECT_OK(uploader_->Finish());
}

TEST_F(UploaderCastTest, WhatDoesNotFitIsRefused) {
  HOIST_ASSERT_OK(Create(/*cast_bytes=*/512));
  Uploader::Cast cast = CastTo(0);
  EXPECT_THAT(Submit({cast}), StatusIs(absl::StatusCode::kInvalidArgument,
                                       HasSubstr("more than 512")));
  cast.count = 1;  // takes 256 bytes
  EXPECT_THAT(Submit({cast, cast, cast}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  HOIST_EXPECT_OK(Submit({cast, cast}));
  for (const size_t offset : {kSlot - 3, kSlot + 1, SIZE_MAX}) {
    cast.offset_bytes = offset;
    EXPECT_THAT(Submit({cast}), StatusIs(absl::StatusCode::kInvalidArgument,
                                         HasSubstr("exceeds the slot")));
  }
  cast = {.count = SIZE_MAX / 2, .device_destination = At(0)};
  EXPECT_THAT(Submit({cast}), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Submit({{.count = 1}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("no destination")));
  HOIST_EXPECT_OK(uploader_->Finish());
}

TEST_F(UploaderCastTest, ALaunchThatFailsIsSticky) {
  HOIST_ASSERT_OK(Create());
  fake_.FailCall("cudaLaunchKernel", 2, cudaErrorUnknown);
  HOIST_EXPECT_OK(Submit({CastTo(0)}));
  EXPECT_THAT(Submit({CastTo(1)}), StatusIs(absl::StatusCode::kInternal));
  EXPECT_THAT(uploader_->Finish(), StatusIs(absl::StatusCode::kInternal));
  EXPECT_EQ(fake_.pending_copies(), 0);
}

// A part that two slots share: the second copy is there before the first cast.
// So a mistake of the kind would not pass the tests above.
TEST_F(UploaderCastTest, ASharedPartWouldBeCaught) {
  HOIST_ASSERT_OK_AND_ASSIGN(const Stream stream, Stream::Create(1));
  HOIST_ASSERT_OK_AND_ASSIGN(const DeviceBuffer shared,
                             DeviceBuffer::Allocate(1, kSlot));
  PinnedPool::Borrower borrower(*pool_, 1, 2);
  HOIST_ASSERT_OK_AND_ASSIGN(const PinnedPool::Slot first, borrower.Acquire());
  HOIST_ASSERT_OK_AND_ASSIGN(const PinnedPool::Slot second, borrower.Acquire());
  Fill(first.bytes(), 1);
  Fill(second.bytes(), 2);
  ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
  for (const PinnedPool::Slot* slot : {&first, &second}) {
    cudaMemcpyAsync(shared.data(), slot->bytes().data(), kSlot,
                    cudaMemcpyHostToDevice, stream.get());
  }
  for (const int chunk : {0, 1}) {
    HOIST_ASSERT_OK(CastOnDevice(1, DType::kInt32, shared.data(), DType::kInt64,
                                 At(chunk), kCount, stream.get()));
  }
  ASSERT_EQ(cudaStreamSynchronize(stream.get()), cudaSuccess);
  EXPECT_THAT(ValuesOf(0), Each(2));  // and should be 1
  ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
}

}  // namespace
}  // namespace hoist
