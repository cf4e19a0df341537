#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/load/load_catalog.h"
#include "hoist/checkpoint/load/test_checkpoint.h"
#include "hoist/core/tensor/ops/cast.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/cuda/testing/fake_casts.h"
#include "hoist/cuda/testing/fake_cudart.h"

namespace hoist {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

// Whether the device has code for casts.
class CastToCudaTest : public ::testing::TestWithParam<bool> {};

TEST_P(CastToCudaTest, WhatIsUploadedIsCast) {
  FakeCudart cuda({.device_count = 1});
  if (GetParam()) {
    cuda.SetKernels(FakeCast);
  }
  ThreadPool pool(3);
  std::vector<std::string> storages;
  uint32_t seed = 1;
  // Around the size of a slot, before and after the cast.
  for (const size_t size : {size_t{0}, size_t{8}, 4 * kMiB - 8, 4 * kMiB,
                            4 * kMiB + 8, 2 * kMiB - 8, 9 * kMiB + 24}) {
    storages.push_back(TestBytes(size, seed++));
  }
  for (int i = 0; i < 30; ++i) {
    storages.push_back(TestBytes(64, seed++));
  }
  int launches = 0;
  for (const auto& [from, to] :
       {std::pair(DType::kFloat32, DType::kBfloat16),
        std::pair(DType::kFloat64, DType::kFloat16),
        std::pair(DType::kFloat16, DType::kFloat64),
        std::pair(DType::kBfloat16, DType::kFloat16)}) {
    TestCheckpoint checkpoint(storages);
    uint64_t cast_bytes = 0;
    for (size_t i = 0; i < storages.size(); ++i) {
      // One in five is not cast.
      const DType dtype = i % 5 == 4 ? DType::kInt64 : from;
      checkpoint.catalog.tensors[i].spec = {
          dtype,
          {static_cast<int64_t>(storages[i].size() * 8 / DTypeBits(dtype))},
          {1}};
      cast_bytes += storages[i].size() * 8 / DTypeBits(dtype) *
                    DTypeBits(dtype == from ? to : dtype) / 8;
    }
    HOIST_ASSERT_OK_AND_ASSIGN(
        const LoadResult result,
        LoadCatalog(checkpoint.catalog, checkpoint.files,
                    {.device = Device::Cuda(0), .dtype = to, .pool = &pool}));
    size_t i = 0;
    for (const auto& [name, tensor] : result.tensors) {
      const std::string& bytes = storages[i];
      const DType dtype = checkpoint.catalog.tensors[i++].spec.dtype;
      EXPECT_EQ(tensor.dtype(), dtype == from ? to : dtype);
      std::vector<uint8_t> expected(static_cast<size_t>(tensor.size_bytes()));
      HOIST_ASSERT_OK(Cast(
          dtype, {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()},
          tensor.dtype(), absl::MakeSpan(expected)));
      if (!expected.empty()) {
        EXPECT_TRUE(cuda.CopyFromDevice(tensor.data(), expected.size()) ==
                    expected)
            << name;
        EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.data()) % 256, 0u);
      }
    }
    const bool is_wider = DTypeBits(to) > DTypeBits(from);
    const bool is_cast_there = GetParam() && is_wider;
    // The first launch only tries it.
    EXPECT_EQ(cuda.CallCount("cudaLaunchKernel") - launches > 1, is_cast_there);
    launches = cuda.CallCount("cudaLaunchKernel");
    EXPECT_GE(result.report.device_bytes, cast_bytes);
    EXPECT_LE(result.report.device_bytes,
              cast_bytes + 256 * storages.size() +
                  (is_cast_there ? 8 * 2 * kMiB : 0));
    for (const LoadReport::Phase& phase : result.report.phases) {
      if (phase.name == "upload") {
        EXPECT_EQ(phase.bytes, cast_bytes);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Code, CastToCudaTest, ::testing::Bool());

// Two dtypes that become a third, one after the other.
TEST(WidenOnCudaTest, StoragesOfSeveralDTypes) {
  FakeCudart cuda({.device_count = 1});
  cuda.SetKernels(FakeCast);
  std::vector<std::string> storages;
  for (uint32_t i = 0; i < 40; ++i) {
    storages.push_back(TestBytes(i % 2 == 0 ? 200 : 1000, i));
  }
  TestCheckpoint checkpoint(storages);
  for (size_t i = 0; i < storages.size(); ++i) {
    const DType dtype =
        i < 20 || i % 3 == 0 ? DType::kFloat16 : DType::kFloat32;
    checkpoint.catalog.tensors[i].spec = {
        dtype,
        {static_cast<int64_t>(storages[i].size() * 8 / DTypeBits(dtype))},
        {1}};
  }
  HOIST_ASSERT_OK_AND_ASSIGN(
      const LoadResult result,
      LoadCatalog(checkpoint.catalog, checkpoint.files,
                  {.device = Device::Cuda(0), .dtype = DType::kFloat64}));
  size_t i = 0;
  for (const auto& [name, tensor] : result.tensors) {
    std::vector<uint8_t> expected(static_cast<size_t>(tensor.size_bytes()));
    HOIST_ASSERT_OK(Cast(checkpoint.catalog.tensors[i].spec.dtype,
                         {reinterpret_cast<const uint8_t*>(storages[i].data()),
                          storages[i].size()},
                         DType::kFloat64, absl::MakeSpan(expected)));
    EXPECT_TRUE(cuda.CopyFromDevice(tensor.data(), expected.size()) == expected)
        << name;
    ++i;
  }
}

// The host has to know what is to be there.
TEST(WidenOnCudaTest, TheHostWidensWhatIsVerifiedOnTheDevice) {
  FakeCudart cuda({.device_count = 1});
  cuda.SetKernels(FakeCast);
  TestCheckpoint checkpoint({TestBytes(4000, 1)});
  checkpoint.catalog.tensors[0].spec = {DType::kFloat16, {2000}, {1}};
  HOIST_ASSERT_OK_AND_ASSIGN(const LoadResult result,
                             LoadCatalog(checkpoint.catalog, checkpoint.files,
                                         {.device = Device::Cuda(0),
                                          .dtype = DType::kFloat32,
                                          .verify_on_device = true}));
  EXPECT_EQ(result.report.verified, Verified::kDevice);
  EXPECT_EQ(result.report.device_bytes, 8000u);
}

// Whatever CUDA call fails, the load fails with a Status, and leaves nothing.
TEST(WidenOnCudaTest, EveryCallMayFail) {
  FakeCudart cuda({.device_count = 1});
  cuda.SetKernels(FakeCast);
  TestCheckpoint checkpoint({TestBytes(4 * kMiB, 1), TestBytes(64, 2)});
  for (TensorEntry& tensor : checkpoint.catalog.tensors) {
    tensor.spec.dtype = DType::kFloat16;
    tensor.spec.shape = {tensor.spec.shape[0] * 2};
  }
  const auto load = [&checkpoint] {
    return LoadCatalog(checkpoint.catalog, checkpoint.files,
                       {.device = Device::Cuda(0), .dtype = DType::kFloat32})
        .status();
  };
  HOIST_ASSERT_OK(load());
  for (const char* function :
       {"cudaMalloc", "cudaMemcpyAsync", "cudaLaunchKernel", "cudaEventRecord",
        "cudaStreamCreateWithFlags", "cudaStreamSynchronize"}) {
    for (const int nth : {1, 2}) {
      if (std::string(function).ends_with("Flags") && nth == 2) {
        continue;  // there is one stream
      }
      if (std::string(function) == "cudaStreamSynchronize" && nth == 2) {
        continue;  // only trying waits for it
      }
      cuda.FailCall(function, nth, FakeCudart::kErrorUnknown);
      EXPECT_FALSE(load().ok()) << function << " " << nth;
      cuda.ClearFaults();
      cuda.TakeViolations();
      HOIST_EXPECT_OK(load());
    }
  }
}

}  // namespace
}  // namespace hoist
