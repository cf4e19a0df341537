#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/load/load_catalog.h"
#include "hoist/checkpoint/load/test_checkpoint.h"
#include "hoist/core/tensor/ops/cast.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/cuda/testing/fake_cudart.h"

namespace hoist {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

TEST(CastToCudaTest, WhatIsUploadedIsCast) {
  FakeCudart cuda({.device_count = 1});
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
    EXPECT_GE(result.report.device_bytes, cast_bytes);
    EXPECT_LE(result.report.device_bytes, cast_bytes + 256 * storages.size());
    for (const LoadReport::Phase& phase : result.report.phases) {
      if (phase.name == "upload") {
        EXPECT_EQ(phase.bytes, cast_bytes);
      }
    }
  }
}

}  // namespace
}  // namespace hoist
