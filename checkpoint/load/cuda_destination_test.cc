#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/load/load_catalog.h"
#include "hoist/checkpoint/load/test_checkpoint.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/cuda/testing/fake_cudart.h"

namespace hoist {
namespace {

using ::testing::HasSubstr;
using ::testing::UnorderedElementsAreArray;

constexpr size_t kMiB = size_t{1} << 20;

std::vector<std::string> Storages() {
  std::vector<std::string> storages;
  uint32_t seed = 1;
  for (const size_t size : {size_t{0}, size_t{4}, size_t{260}, 4 * kMiB - 4,
                            4 * kMiB, 9 * kMiB + 12}) {
    storages.push_back(TestBytes(size, seed++));
  }
  for (int i = 0; i < 50; ++i) {
    storages.push_back(TestBytes(64, seed++));
  }
  return storages;
}

class LoadToCudaTest : public ::testing::Test {
 protected:
  LoadToCudaTest() : cuda_({.device_count = 2}), pool_(3) {}

  absl::StatusOr<LoadResult> Load(const TestCheckpoint& checkpoint) {
    return LoadCatalog(checkpoint.catalog, checkpoint.files,
                       {.device = Device::Cuda(1), .pool = &pool_});
  }
  std::string BytesOf(const Tensor& tensor) const {
    const auto bytes = cuda_.CopyFromDevice(
        tensor.data(), static_cast<size_t>(tensor.size_bytes()));
    return std::string(bytes.begin(), bytes.end());
  }

  FakeCudart cuda_;
  ThreadPool pool_;
};

TEST_F(LoadToCudaTest, EveryByteIsInItsPlaceOnTheDevice) {
  const std::vector<std::string> storages = Storages();
  const TestCheckpoint checkpoint(storages);
  HOIST_ASSERT_OK_AND_ASSIGN(const LoadResult result, Load(checkpoint));
  size_t i = 0;
  for (const auto& [name, tensor] : result.tensors) {
    EXPECT_EQ(tensor.device(), Device::Cuda(1));
    if (tensor.size_bytes() > 0) {
      EXPECT_TRUE(BytesOf(tensor) == storages[i]) << name;
      EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.data()) % 256, 0u);
    }
    ++i;
  }
  EXPECT_EQ(i, storages.size());
  EXPECT_EQ(cuda_.pending_copies(), 0);
  EXPECT_EQ(cuda_.CallCount("cudaMalloc"), 1);
  EXPECT_GE(result.report.device_bytes, result.report.bytes);
  EXPECT_GT(result.report.pinned_bytes, 0u);
  EXPECT_LE(result.report.pinned_bytes, 256 * kMiB);
}

TEST_F(LoadToCudaTest, WhatIsOnTheDeviceIsComparedWithWhatWasRead) {
  const TestCheckpoint checkpoint(Storages());
  const LoadOptions options = {
      .device = Device::Cuda(1), .pool = &pool_, .verify_on_device = true};
  HOIST_ASSERT_OK_AND_ASSIGN(
      const LoadResult result,
      LoadCatalog(checkpoint.catalog, checkpoint.files, options));
  EXPECT_EQ(result.report.verified, Verified::kDevice);
  // The file's own are compared all the same.
  TestCheckpoint damaged(Storages());
  damaged.catalog.storages.back().crc32 = 1;
  EXPECT_THAT(LoadCatalog(damaged.catalog, damaged.files, options).status(),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("is damaged")));
}

TEST_F(LoadToCudaTest, BytesThatDoNotArriveAreAnError) {
  const TestCheckpoint checkpoint(Storages());
  LoadOptions options = {.device = Device::Cuda(1), .pool = &pool_};
  for (const bool verify_on_device : {false, true}) {
    options.verify_on_device = verify_on_device;
    cuda_.DamageCopy(2);
    const absl::Status status =
        LoadCatalog(checkpoint.catalog, checkpoint.files, options).status();
    if (verify_on_device) {
      EXPECT_THAT(status, StatusIs(absl::StatusCode::kDataLoss,
                                   HasSubstr("uploaded to cuda:1")));
    } else {
      HOIST_EXPECT_OK(status);
    }
  }
}

TEST_F(LoadToCudaTest, MemoryGoesWithTheLastTensor) {
  const TestCheckpoint checkpoint({TestBytes(16, 1), TestBytes(16, 2)});
  HOIST_ASSERT_OK_AND_ASSIGN(LoadResult result, Load(checkpoint));
  const Tensor last = *result.tensors.Find("t1");
  result.tensors = StateDict();
  EXPECT_EQ(cuda_.CallCount("cudaFree"), 0);
  EXPECT_TRUE(BytesOf(last) == TestBytes(16, 2));
}

TEST_F(LoadToCudaTest, ACheckpointWithoutBytesIsLoaded) {
  const TestCheckpoint checkpoint({""});
  HOIST_ASSERT_OK_AND_ASSIGN(const LoadResult result, Load(checkpoint));
  EXPECT_EQ(result.tensors.Find("t0")->device(), Device::Cuda(1));
}

TEST_F(LoadToCudaTest, DamageLeavesNothingOnTheDevice) {
  TestCheckpoint checkpoint(Storages());
  checkpoint.catalog.storages.back().crc32 = 1;
  EXPECT_THAT(Load(checkpoint).status(),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("is damaged")));
  // The stand-in's destructor looks for leaks.
}

TEST_F(LoadToCudaTest, LazyBitsAreRefused) {
  TestCheckpoint checkpoint({TestBytes(8, 1)});
  checkpoint.catalog.tensors[0].is_negative = true;
  EXPECT_THAT(Load(checkpoint).status(),
              StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("t0")));
}

// Whatever CUDA call fails, the load fails with a Status, and leaves nothing.
TEST_F(LoadToCudaTest, EveryCallMayFail) {
  const TestCheckpoint checkpoint(Storages());
  HOIST_ASSERT_OK(Load(checkpoint).status());
  int failures = 0;
  for (const std::string& function : cuda_.CalledFunctions()) {
    // Clean-up cannot fail a load, and this one only says what is current.
    if (function == "cudaFree" || function == "cudaHostUnregister" ||
        function.find("Destroy") != std::string::npos ||
        function.find("Last") != std::string::npos) {
      continue;
    }
    cuda_.FailCall(function, 1, FakeCudart::kErrorUnknown);
    failures += Load(checkpoint).ok() ? 0 : 1;
    cuda_.TakeViolations();
  }
  EXPECT_GE(failures, 5);
}

TEST(LoadToAbsentCudaTest, IsUnavailable) {
  FakeCudart cuda({.device_count = 0});
  const TestCheckpoint checkpoint({TestBytes(8, 1)});
  EXPECT_THAT(LoadCatalog(checkpoint.catalog, checkpoint.files,
                          {.device = Device::Cuda(0)})
                  .status(),
              StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace hoist
