// A thousand uploads of several threads to two devices, in which a call of
// CUDA fails, a copy fails, or the upload is cancelled, at random.

#include <cuda_runtime_api.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <random>
#include <string>
#include <thread>
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

using ::testing::AnyOf;
using ::testing::HasSubstr;

constexpr int kRounds = 1000;
constexpr int kDevices = 2;  // and one more, to which nothing happens
constexpr int kThreads = 2;  // a device
constexpr int kChunks = 12;  // a device
constexpr size_t kSlot = 4096;

const char* const kFunctions[] = {
    "cudaGetDevice",    "cudaSetDevice",
    "cudaMalloc",       "cudaFree",
    "cudaHostRegister", "cudaHostUnregister",
    "cudaMemcpyAsync",  "cudaEventCreateWithFlags",
    "cudaEventRecord",  "cudaEventSynchronize",
    "cudaEventDestroy", "cudaStreamCreateWithFlags",
    "cudaStreamDestroy"};

uint8_t ByteOf(int device, int chunk) {
  return static_cast<uint8_t>(1 + device * kChunks + chunk);
}

class Round {
 public:
  explicit Round(int seed)
      : random_(seed),
        fake_({.device_count = kDevices + 1,
               .link_bytes_per_second = Draw(2) == 0 ? 0.0 : 1e9}) {}

  void Run() {
    cudaSetDevice(Draw(kDevices));
    auto pool = PinnedPool::Create(
        {.slot_bytes = kSlot, .max_bytes = (1 + Draw(5)) * kSlot}, nullptr);
    HOIST_ASSERT_OK(pool);
    const int fault = Draw(4);
    const std::string function = kFunctions[Draw(std::size(kFunctions))];
    if (fault == 1) {
      fake_.FailCall(function, 1 + Draw(40), cudaErrorUnknown);
    } else if (fault == 2) {
      fake_.FailCopy(1 + Draw(kDevices * kChunks), cudaErrorIllegalAddress);
    }
    const bool cancel = fault == 3 || Draw(4) == 0;
    std::vector<std::thread> threads;
    for (int device = 0; device < kDevices; ++device) {
      threads.emplace_back([&, device, pause_us = Draw(500)] {
        const absl::Status status = Load(device, **pool, cancel, pause_us);
        if (fault == 0 && !cancel) {
          HOIST_EXPECT_OK(status);
        }
        EXPECT_THAT(status, AnyOf(IsOk(), StatusIs(absl::StatusCode::kInternal),
                                  StatusIs(absl::StatusCode::kCancelled)));
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
    EXPECT_EQ(fake_.pending_copies(), 0);
    fake_.ClearFaults();
    HOIST_EXPECT_OK(Load(kDevices, **pool, false, 0));
    *pool = nullptr;
    for (const std::string& violation : fake_.TakeViolations()) {
      EXPECT_THAT(violation, HasSubstr("while another device is current"));
      EXPECT_THAT(function, AnyOf("cudaGetDevice", "cudaSetDevice"));
    }
  }

 private:
  int Draw(int count) { return static_cast<int>(random_() >> 8) % count; }

  // If it returns ok, the bytes have been compared.
  absl::Status Load(int device, PinnedPool& pool, bool cancel, int pause_us) {
    HOIST_ASSIGN_OR_RETURN(const DeviceBuffer memory,
                           DeviceBuffer::Allocate(device, kChunks * kSlot));
    HOIST_ASSIGN_OR_RETURN(const auto uploader,
                           Uploader::Create(device, pool, 3));
    auto* const data = static_cast<uint8_t*>(memory.data());
    std::vector<absl::Status> results(kThreads);
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int chunk = t; chunk < kChunks && results[t].ok();
             chunk += kThreads) {
          results[t] =
              Upload(*uploader, ByteOf(device, chunk), data + chunk * kSlot);
        }
      });
    }
    if (cancel) {
      std::this_thread::sleep_for(std::chrono::microseconds(pause_us));
      uploader->Cancel();
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
    const absl::Status finished = uploader->Finish();
    for (const absl::Status& result : results) {
      HOIST_RETURN_IF_ERROR(result);
    }
    HOIST_RETURN_IF_ERROR(finished);
    for (int chunk = 0; chunk < kChunks; ++chunk) {
      EXPECT_EQ(fake_.CopyFromDevice(data + chunk * kSlot, kSlot),
                std::vector<uint8_t>(kSlot, ByteOf(device, chunk)));
    }
    return absl::OkStatus();
  }

  static absl::Status Upload(Uploader& uploader, uint8_t byte,
                             void* destination) {
    HOIST_ASSIGN_OR_RETURN(Uploader::Slot slot, uploader.Acquire());
    std::fill(slot.bytes().begin(), slot.bytes().end(), byte);
    return uploader.Submit(std::move(slot), {{0, kSlot, destination}});
  }

  std::minstd_rand random_;
  FakeCudart fake_;
};

TEST(UploaderChaosTest, EveryUploadEndsWellOrInAnError) {
  for (int seed = 1; seed <= kRounds; ++seed) {
    SCOPED_TRACE(testing::Message() << "Round " << seed);
    Round(seed).Run();
    if (HasFailure()) {
      break;
    }
  }
}

}  // namespace
}  // namespace hoist
