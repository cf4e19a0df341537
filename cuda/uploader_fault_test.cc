// What the Uploader does when CUDA fails: each call in turn, copies, and
// everything after them.

#include <cuda_runtime_api.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/cuda/device_buffer.h"
#include "hoist/cuda/testing/fake_cudart.h"
#include "hoist/cuda/uploader.h"

namespace hoist {
namespace {

using ::testing::_;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr size_t kSlot = 4096;
constexpr int kUploads = 5;

absl::StatusOr<std::unique_ptr<PinnedPool>> MakePool() {
  return PinnedPool::Create({.slot_bytes = kSlot, .max_bytes = 2 * kSlot},
                            nullptr);
}

absl::Status Upload(Uploader& uploader, uint8_t value, void* destination) {
  HOIST_ASSIGN_OR_RETURN(Uploader::Slot slot, uploader.Acquire());
  std::fill(slot.bytes().begin(), slot.bytes().end(), value);
  return uploader.Submit(std::move(slot), {{0, kSlot, destination}});
}

struct Target {
  int device;
  DeviceBuffer memory;
  std::unique_ptr<Uploader> uploader;
};

// Uploads to all `devices` in turn, through one pool. If it returns ok, the
// bytes have been compared. Cancels before the upload no. `cancel_at`.
absl::Status UploadAll(const FakeCudart& fake, PinnedPool& pool,
                       const std::vector<int>& devices, int cancel_at = -1) {
  std::vector<Target> targets;
  for (const int device : devices) {
    HOIST_ASSIGN_OR_RETURN(DeviceBuffer memory,
                           DeviceBuffer::Allocate(device, kUploads * kSlot));
    HOIST_ASSIGN_OR_RETURN(auto uploader, Uploader::Create(device, pool, 2));
    targets.push_back({device, std::move(memory), std::move(uploader)});
  }
  for (int i = 0; i < kUploads; ++i) {
    for (const Target& target : targets) {
      if (i == cancel_at) {
        target.uploader->Cancel();
      }
      HOIST_RETURN_IF_ERROR(
          Upload(*target.uploader, static_cast<uint8_t>(i),
                 static_cast<uint8_t*>(target.memory.data()) + i * kSlot));
    }
  }
  for (const Target& target : targets) {
    HOIST_RETURN_IF_ERROR(target.uploader->Finish());
    for (int i = 0; i < kUploads; ++i) {
      EXPECT_EQ(
          fake.CopyFromDevice(
              static_cast<uint8_t*>(target.memory.data()) + i * kSlot, kSlot),
          std::vector<uint8_t>(kSlot, static_cast<uint8_t>(i)));
    }
  }
  return absl::OkStatus();
}

// As that, with a pool of its own.
absl::Status UploadAll(const FakeCudart& fake,
                       const std::vector<int>& devices) {
  HOIST_ASSIGN_OR_RETURN(const auto pool, MakePool());
  return UploadAll(fake, *pool, devices);
}

std::map<std::string, int> CallsOfUploadAll(const std::vector<int>& devices) {
  FakeCudart fake({.device_count = 2});
  EXPECT_EQ(cudaSetDevice(0), cudaSuccess);
  HOIST_EXPECT_OK(UploadAll(fake, devices));
  std::map<std::string, int> calls;
  for (const std::string& function : fake.CalledFunctions()) {
    calls[function] = fake.CallCount(function);
  }
  return calls;
}

class UploaderFaultTest : public ::testing::TestWithParam<std::vector<int>> {};

// The stand-in's destructor looks for leaks, double releases and memory
// released under a copy; a hang ends in the test's timeout. The fault is gone
// with the call, so that the pool must serve the next upload.
TEST_P(UploaderFaultTest, EveryCallMayFailAndThePoolGoesOn) {
  const std::map<std::string, int> calls = CallsOfUploadAll(GetParam());
  EXPECT_GE(calls.size(), 10u);
  for (const auto& [function, count] : calls) {
    for (int nth = 1; nth <= count; ++nth) {
      SCOPED_TRACE(testing::Message() << function << " no. " << nth);
      FakeCudart fake({.device_count = 2});
      ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
      HOIST_ASSERT_OK_AND_ASSIGN(auto pool, MakePool());
      const int before = fake.CallCount(function);
      fake.FailCall(function, nth, cudaErrorUnknown);
      const absl::Status status = UploadAll(fake, *pool, GetParam());
      EXPECT_THAT(status,
                  ::testing::AnyOf(IsOk(), StatusIs(absl::StatusCode::kInternal,
                                                    HasSubstr("failed"))));
      EXPECT_EQ(cudaPeekAtLastError(), cudaSuccess);
      // The last calls are those of the pool's end.
      if (fake.CallCount(function) >= before + nth) {
        ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
        HOIST_EXPECT_OK(UploadAll(fake, *pool, GetParam()));
      }
      pool = nullptr;
      // Where selecting a device fails, what is released and awaited has to be
      // so with another one current.
      for (const std::string& violation : fake.TakeViolations()) {
        EXPECT_THAT(violation, HasSubstr("while another device is current"));
        EXPECT_THAT(function,
                    ::testing::AnyOf("cudaGetDevice", "cudaSetDevice"));
      }
    }
  }
}

// The calls whose failure means that the bytes are not there.
TEST_P(UploaderFaultTest, NoFailureIsTakenForSuccess) {
  const std::map<std::string, int> calls = CallsOfUploadAll(GetParam());
  for (const char* function :
       {"cudaMalloc", "cudaHostRegister", "cudaStreamCreateWithFlags",
        "cudaEventCreateWithFlags", "cudaMemcpyAsync", "cudaEventRecord",
        "cudaEventSynchronize"}) {
    ASSERT_TRUE(calls.contains(function)) << function;
    for (int nth = 1; nth <= calls.at(function); ++nth) {
      SCOPED_TRACE(testing::Message() << function << " no. " << nth);
      FakeCudart fake({.device_count = 2});
      fake.FailCall(function, nth, cudaErrorUnknown);
      EXPECT_THAT(UploadAll(fake, GetParam()),
                  StatusIs(absl::StatusCode::kInternal, HasSubstr("failed")));
    }
  }
}

// A copy that fails makes its device unusable, and no other.
TEST_P(UploaderFaultTest, EveryCopyMayFail) {
  const int copies = kUploads * static_cast<int>(GetParam().size());
  for (int nth = 1; nth <= copies; ++nth) {
    FakeCudart fake({.device_count = 3});
    HOIST_ASSERT_OK_AND_ASSIGN(const auto pool, MakePool());
    fake.FailCopy(nth, cudaErrorIllegalAddress);
    EXPECT_THAT(
        UploadAll(fake, *pool, GetParam()),
        StatusIs(absl::StatusCode::kInternal, HasSubstr("IllegalAddress")));
    HOIST_EXPECT_OK(UploadAll(fake, *pool, {2}));
  }
}

TEST_P(UploaderFaultTest, EveryUploadMayBeCancelled) {
  for (int i = 0; i < kUploads; ++i) {
    FakeCudart fake({.device_count = 2});
    HOIST_ASSERT_OK_AND_ASSIGN(const auto pool, MakePool());
    EXPECT_THAT(UploadAll(fake, *pool, GetParam(), i),
                StatusIs(absl::StatusCode::kCancelled, _));
    EXPECT_EQ(fake.pending_copies(), 0);
    HOIST_EXPECT_OK(UploadAll(fake, *pool, GetParam()));
  }
}

// A call fails, and the upload is cancelled before or after.
TEST_P(UploaderFaultTest, ACallMayFailOfAnUploadThatIsCancelled) {
  const std::map<std::string, int> calls = CallsOfUploadAll(GetParam());
  for (const auto& [function, count] : calls) {
    for (int nth = 1; nth <= count; ++nth) {
      SCOPED_TRACE(testing::Message() << function << " no. " << nth);
      FakeCudart fake({.device_count = 2});
      HOIST_ASSERT_OK_AND_ASSIGN(auto pool, MakePool());
      fake.FailCall(function, nth, cudaErrorUnknown);
      EXPECT_THAT(UploadAll(fake, *pool, GetParam(), kUploads / 2),
                  ::testing::AnyOf(StatusIs(absl::StatusCode::kInternal),
                                   StatusIs(absl::StatusCode::kCancelled)));
      pool = nullptr;
      for (const std::string& violation : fake.TakeViolations()) {
        EXPECT_THAT(violation, HasSubstr("while another device is current"));
        EXPECT_THAT(function,
                    ::testing::AnyOf("cudaGetDevice", "cudaSetDevice"));
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(CurrentDeviceAnotherAndBoth, UploaderFaultTest,
                         ::testing::Values(std::vector<int>{0},
                                           std::vector<int>{1},
                                           std::vector<int>{0, 1}));

// An Uploader of two slots and memory for one.
class UploaderErrorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    HOIST_ASSERT_OK_AND_ASSIGN(memory_, DeviceBuffer::Allocate(0, kSlot));
    HOIST_ASSERT_OK_AND_ASSIGN(pool_, MakePool());
    HOIST_ASSERT_OK_AND_ASSIGN(uploader_, Uploader::Create(0, *pool_, 2));
  }
  void TearDown() override {
    uploader_ = nullptr;
    pool_ = nullptr;
    memory_ = DeviceBuffer();
  }

  FakeCudart fake_;
  DeviceBuffer memory_;
  std::unique_ptr<PinnedPool> pool_;
  std::unique_ptr<Uploader> uploader_;
};

TEST_F(UploaderErrorTest, TheFirstErrorIsSticky) {
  HOIST_ASSERT_OK_AND_ASSIGN(Uploader::Slot leased, uploader_->Acquire());
  fake_.FailCopy(1, cudaErrorIllegalAddress);
  HOIST_ASSERT_OK(Upload(*uploader_, 1, memory_.data()));
  const absl::Status error = uploader_->Finish();
  EXPECT_THAT(error, StatusIs(absl::StatusCode::kInternal,
                              HasSubstr("A copy to cuda:0 failed")));
  EXPECT_EQ(uploader_->Acquire().status(), error);
  EXPECT_EQ(uploader_->Submit(std::move(leased), {{0, 1, memory_.data()}}),
            error);
  uploader_->Cancel();
  EXPECT_EQ(uploader_->Finish(), error);
}

TEST_F(UploaderErrorTest, AnErrorOfSubmitIsSticky) {
  fake_.FailCall("cudaMemcpyAsync", 1, cudaErrorUnknown);
  const absl::Status error = Upload(*uploader_, 1, memory_.data());
  EXPECT_THAT(error,
              StatusIs(absl::StatusCode::kInternal,
                       HasSubstr("Copying 4096 bytes to cuda:0 failed")));
  EXPECT_EQ(uploader_->Acquire().status(), error);
  EXPECT_EQ(uploader_->Finish(), error);
  EXPECT_EQ(uploader_->uploaded_bytes(), 0u);
}

// The copy is under way, but no event says when it ends: its slot must not be
// handed out before that.
TEST_F(UploaderErrorTest, ACopyWithoutAnEventIsAwaited) {
  for (const char* function : {"cudaEventRecord", "cudaMemcpyAsync"}) {
    fake_.FailCall(function, function[4] == 'E' ? 1 : 2, cudaErrorUnknown);
    HOIST_ASSERT_OK_AND_ASSIGN(auto uploader, Uploader::Create(0, *pool_, 2));
    HOIST_ASSERT_OK_AND_ASSIGN(Uploader::Slot slot, uploader->Acquire());
    auto* const to = static_cast<uint8_t*>(memory_.data());
    EXPECT_THAT(uploader->Submit(std::move(slot), {{0, 1, to}, {1, 1, to + 1}}),
                Not(IsOk()));
    EXPECT_EQ(fake_.pending_copies(), 0);
  }
}

TEST_F(UploaderErrorTest, FinishWaitsEvenIfWaitingFails) {
  for (const bool twice : {false, true}) {
    HOIST_ASSERT_OK_AND_ASSIGN(auto uploader, Uploader::Create(0, *pool_, 2));
    HOIST_ASSERT_OK(Upload(*uploader, 1, memory_.data()));
    HOIST_ASSERT_OK(Upload(*uploader, 2, memory_.data()));
    fake_.FailCall("cudaEventSynchronize", 1, cudaErrorUnknown);
    if (twice) {
      fake_.FailCall("cudaStreamSynchronize", 1, cudaErrorUnknown);
    }
    EXPECT_THAT(uploader->Finish(),
                StatusIs(absl::StatusCode::kInternal, HasSubstr("A copy to")));
    EXPECT_EQ(fake_.pending_copies(), 0);
  }
  memory_ = DeviceBuffer();
  EXPECT_THAT(fake_.TakeViolations(), IsEmpty());
}

TEST_F(UploaderErrorTest, FinishWaitsAfterAnEarlierErrorAndAfterCancel) {
  HOIST_ASSERT_OK(Upload(*uploader_, 1, memory_.data()));
  uploader_->Cancel();
  EXPECT_EQ(fake_.pending_copies(), 1);
  EXPECT_THAT(uploader_->Finish(), StatusIs(absl::StatusCode::kCancelled, _));
  EXPECT_EQ(fake_.pending_copies(), 0);
}

TEST_F(UploaderErrorTest, CancelMakesEveryCallFail) {
  HOIST_ASSERT_OK_AND_ASSIGN(Uploader::Slot slot, uploader_->Acquire());
  uploader_->Cancel();
  EXPECT_THAT(uploader_->Submit(std::move(slot), {{0, 1, memory_.data()}}),
              StatusIs(absl::StatusCode::kCancelled, _));
  EXPECT_THAT(uploader_->Acquire(), StatusIs(absl::StatusCode::kCancelled, _));
  EXPECT_THAT(uploader_->Finish(), StatusIs(absl::StatusCode::kCancelled, _));
  EXPECT_EQ(fake_.CallCount("cudaMemcpyAsync"), 0);
}

TEST_F(UploaderErrorTest, TooLittlePinnedMemoryIsResourceExhausted) {
  fake_.FailCall("cudaHostRegister", 1, cudaErrorMemoryAllocation);
  fake_.FailCall("cudaHostRegister", 2, cudaErrorMemoryAllocation);
  EXPECT_THAT(uploader_->Acquire(),
              StatusIs(absl::StatusCode::kResourceExhausted, _));
  // Nothing was copied, and next time there may be more.
  HOIST_EXPECT_OK(uploader_->Acquire());
  HOIST_EXPECT_OK(uploader_->Finish());
}

}  // namespace
}  // namespace hoist
